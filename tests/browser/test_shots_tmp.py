from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from beholden.journeys import audit, access, enforce, portal
from beholden.model.act import ActorKind
from beholden.web import app
from tests.browser import driving
from tests.browser.serving import listen, serving, url_of
from tests.web import misuse
from tests.web.misuse import *
def test_shots(house, browser, monkeypatch):
    words = "It took the friends of everybody who played, and their friends' likes with them."
    monkeypatch.setattr(misuse, "HOSTILE", words); monkeypatch.setattr(misuse, "LONG", "Who has the data now, and on which machines?")
    monkeypatch.setattr(misuse, "ASKS", (Ask("identity","service",required=True),Ask("likes",words),Ask("likes",words,through=True),Ask("birthday","greetings")))
    old = misuse.suspicion
    monkeypatch.setattr(misuse, "suspicion", lambda h: old(h, words, "Quiz Mill Ltd"))
    listener = listen(); house.engines = replace(house.engines, url=url_of(listener))
    with serving(app.create(house.engines, house.settings), listener):
        m = misuse.matter(house)
        c2 = audit.open_case(house.engines, INES, m.developer.number, [], [m.finding], "again").case.id
        audit.send_rfi(house.engines, INES, c2, ["What did you take it for?", "Who has it now?"])
        out = Path("/tmp/shots"); out.mkdir(exist_ok=True)
        def shoot(kind, id_, base, paths):
            driving.sign_in_by_link(browser, house.engines, kind, id_)
            for path in paths:
                browser.get(house.engines.url + m.fill(f"{base}{path}"))
                for width in (1280, 360):
                    driving.at_width(browser, width)
                    h = browser.execute_script("return document.documentElement.scrollHeight")
                    driving.at_width(browser, width, min(h, 3600))
                    browser.save_screenshot(str(out / f"{base[1:]}{path.replace('/','_').replace('?','_')[:30]}-{width}.png"))
        shoot(ActorKind.OPERATOR, "uma", "/console", ["", "/findings", "/findings/FINDING", "/cases", "/cases/CASE", f"/cases/{c2}", "/sanctions", "/reviews", "/apps", "/apps/APP", "/notices", "/notices/CAMPAIGN", "/examinations", "/examinations/EXAMINATION", "/ledger"])
        shoot(ActorKind.DEVELOPER, str(m.developer.number), "/developer", ["", "/apps/APP", "/apps/APP/terms/likes", "/cases", f"/cases/{c2}", "/certifications", "/certifications/CERTIFICATION", "/certifications/new", "/sanctions"])
