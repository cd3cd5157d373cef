"""Pictures as SVG that stands in a page: no script, no style sheet, nothing from elsewhere, all text escaped."""

from markupsafe import Markup, escape

from beholden.backends.evidence.pictures import Box, Dot, Picture, Rule, Shape, Words
from beholden.forensics.containers import shown


def svg(picture: Picture) -> Markup:
    """The element, with its title and what it shows for whoever does not see it."""
    name = f"picture-{picture.name}"
    shapes = Markup("\n").join(_shape(shape) for shape in picture.shapes)
    return Markup(
        '<svg class="picture" role="img" viewBox="0 0 {} {}" aria-labelledby="{}-title {}-says">\n'
        '<title id="{}-title">{}</title><desc id="{}-says">{}</desc>\n{}\n</svg>'
    ).format(
        *(_n(picture.width), _n(picture.height), name, name, name),
        *(picture.title, name, shown(picture.says, 4_000), shapes),
    )


def _shape(shape: Shape) -> Markup:
    match shape:
        case Box():
            sides = (_n(shape.x), _n(shape.y), _n(shape.width), _n(shape.height))
            return Markup('<rect x="{}" y="{}" width="{}" height="{}" {}/>').format(*sides, _paint(shape))
        case Dot():
            place = (_n(shape.x), _n(shape.y), _n(shape.radius))
            return Markup('<circle cx="{}" cy="{}" r="{}" {}/>').format(*place, _paint(shape))
        case Rule():
            ends = (_n(shape.x1), _n(shape.y1), _n(shape.x2), _n(shape.y2))
            dash = Markup(' stroke-dasharray="4 3"') if shape.dashed else ""
            return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}"{}/>').format(*ends, shape.line, dash)
        case Words():
            weight = Markup(' font-weight="600"') if shape.bold else ""
            look = (_n(shape.x), _n(shape.y), _n(shape.size), shape.anchor, shape.fill)
            return Markup('<text x="{}" y="{}" font-size="{}" text-anchor="{}" fill="{}"{}>{}</text>').format(
                *look, weight, escape(shown(shape.text))
            )


def _paint(shape: Box | Dot) -> Markup:
    line = Markup(' stroke="{}" stroke-width="1.5"').format(shape.line) if shape.line else ""
    return Markup('fill="{}"{}').format(shape.fill or "#fff", line)


def _n(number: float) -> str:
    """As short as it is exact enough, the same on every machine."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
