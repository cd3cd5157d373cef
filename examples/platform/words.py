"""The words that made-up people are made of. Any likeness to somebody is chance: see `world`."""

# ruff: noqa: SIM905 - lists of words are read best as lines of words

FIRST_NAMES = tuple(
    """
    Ada Adam Aisha Alan Alba Alice Amal Amara Amelie Amir Ana Andre Anika Anja Anton Arif Arthur Astrid Aya Babak
    Beata Ben Bianca Bilal Birgit Bo Bruno Camila Carl Carmen Cato Cecilia Chen Chidi Clara Cleo Cosmo Dalia Dana Dario
    David Dina Diego Dora Ebba Edda Edwin Elena Eli Elias Elin Ella Emeka Emil Emma Enzo Erik Esra Esther Eva Fadi
    Farah Felix Fiona Flora Frank Freya Gabriel Gaia Georg Gina Goran Grace Greta Gustav Hana Hanna Hassan Hector Heidi
    Helga Hiro Hugo Ian Ida Igor Ilse Imran Ines Ingrid Irene Iris Isaac Ismail Ivan Ivy Jakob Jana Jasmin Javier Jens
    Joao Joel Jonas Joy Judith Julia Jun Kai Kamal Karim Karin Kasia Keiko Kenji Khadija Kim Klara Kofi Lara Lars Laura
    Layla Lea Leif Lena Leo Lian Lidia Lina Linus Lou Lucas Lucia Luis Luna Magda Malik Mara Marco Marie Marta Mateo
    Maya Mei Mia Milan Mina Mira Mona Nadia Naomi Nasir Nele Nia Nico Nils Nina Noah Nora Odin Olga Oliver Omar Oscar
    Otto Pablo Paula Pavel Petra Pia Priya Quentin Rafael Rania Ravi Rosa Ruben Ruth Sami Sara Selma Silas Simon Sofia
    Sven Tara Theo Tilda Timo Uma Vera Viktor Wanda Yara Yusuf Zora
    """.split()
)
_LAST_BEGINNINGS = tuple(
    "Alder Ash Birch Black Brad Clay Cold Elm Fair Glen Green Hart Hazel Lang Marsh Oak Red Stan West White".split()
)
_LAST_ENDINGS = tuple(
    "bank brook by croft dale den field ford gate ham hurst land ley more shaw stead stone ton wick worth".split()
)
LAST_NAMES = tuple(begin + end for begin in _LAST_BEGINNINGS for end in _LAST_ENDINGS)

_TOWN_BEGINNINGS = tuple("Amber Bell Crown Dover Eagle Fern Grand High Iron Jasper King Lake".split())
_TOWN_ENDINGS = tuple(" Bay,bridge,burgh, Falls, Harbour, Heath,minster, Mills, Point,water".split(","))
TOWNS = tuple(begin + end for begin in _TOWN_BEGINNINGS for end in _TOWN_ENDINGS)

_LIKE_KINDS = tuple("Club,Society,Band,Kitchen,Garden,Radio,Magazine,Team,Choir,Workshop".split(","))
_LIKE_NAMES = tuple(
    "Acorn,Blue Door,Copper,Daybreak,Echo,Foxglove,Granite,Hilltop,Island,Juniper,Kestrel,Lantern".split(",")
)
LIKES = tuple(f"{name} {kind}" for name in _LIKE_NAMES for kind in _LIKE_KINDS)

RELIGIONS = ("Buddhist", "Christian", "Hindu", "Jewish", "Muslim", "none", "Sikh", "spiritual")
POLITICS = ("centre", "conservative", "green", "left", "liberal", "libertarian", "none of them", "right")
