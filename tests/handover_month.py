"""A realistic month of a Czech roastery, with real pictures and a real film, for the tests of the package."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any

import av
from PIL import Image, ImageDraw

from domain.content.platforms import platform
from domain.errors import NotFound
from exports.package.model import (
    ApprovalEntry,
    CompanyPackage,
    CostLine,
    Costs,
    DnaPackage,
    ImagePackage,
    MonthPackage,
    OutcomeEntry,
    PersonaPackage,
    PostPackage,
    PromptUse,
    Provenance,
    SocialPackage,
    TopicPackage,
    VideoPackage,
)

PLATFORMS = ("instagram", "linkedin", "twitter", "facebook", "tiktok", "pinterest")
WEBSITE = "https://www.prazirna-umlyna.cz"
PALETTES = {"p1": ("#a4552d", "#f1e6cf", "#3b2a20"), "p2": ("#2f5d8a", "#dfe8ee"), "p3": ("#4b7a4e", "#d9c39a"),
            "p4": ("#6b2737", "#c9a227")}  # fmt: skip

PARAGRAPHS = (
    "Každé ráno v pražírně začíná stejně: **pytel zelené kávy**, váha a ticho před prvním prasknutím zrna. Právě v té "
    "chvíli se rozhoduje o tom, jestli šálek bude chutnat po ovoci, nebo po popelu. Výběrová káva totiž neodpouští "
    "spěch a my jsme se za ta léta naučili, že spěchat se dá leda na vlak.",
    "Zákazníci se nás často ptají, proč stojí dvakrát tolik co balíček z regálu. Odpověď je v práci, kterou nevidíte. "
    "Farmář v Etiopii sklízí ručně jen zralé třešně, vrací se ke stejnému keři třikrát a za kilo bere cenu, ze které "
    "může žít. *Nic z toho se nedá ošidit*, aniž by to bylo v hrnku poznat.",
    "Zkuste si doma jednoduchý pokus. Namelte dvě lžíce kávy, zalijte je vodou o teplotě 93 °C a čtyři minuty nechte "
    "být. Pak přičichněte ještě dřív, než se napijete. Co cítíte? Jasmín, meruňku, kakao? Nebo jenom „kávu“? Chuť je "
    "sval a trénuje se stejně jako každý jiný.",
    "Podle [Specialty Coffee Association](https://sca.coffee/research) nese označení výběrová káva jen zrno, které "
    "v hodnocení získá alespoň osmdesát bodů ze sta. Degustátor při tom sleduje vůni, kyselost, tělo i čistotu. "
    "Není to soutěž krásy, spíš technická kontrola, po které už se nikdo nemusí ptát na náladu hodnotitele.",
    "Voda tvoří devadesát osm procent šálku, a přesto se o ní mluví nejméně. Tvrdá voda z kohoutku umí i ze skvělého "
    "zrna udělat fádní nápoj. Pomůže obyčejný filtr nebo balená voda s nízkou mineralizací; rozdíl poznáte hned při "
    "prvním doušku a konvice vám za to poděkuje také.",
    "Mletí je nejlevnější cesta k lepší kávě. Mlýnek s kameny drtí zrno rovnoměrně, takže se jemný prach nepřepaří a "
    "hrubé kousky nezůstanou syrové. Kdo mele těsně před přípravou, získá aroma, které by jinak během dvaceti minut "
    "zmizelo do kuchyně.",
)
LISTING = (
    "Co si připravit:\n\n1. čerstvě praženou kávu, ne starší než šest týdnů,\n2. váhu s přesností na gram,\n"
    "3. konvici s úzkým hrdlem,\n4. papírový filtr propláchnutý horkou vodou.\n\n"
    "> Dobrý recept je jako rukopis: čitelný, opakovatelný a pořád váš."
)
TOPICS: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    ("t01", "2027-01-05", "p1", "Výběrová káva doma: sedm kroků k šálku, na který se ráno těšíte",
     "Od vody po mletí, bez drahého vybavení", "výběrová káva", "informational"),
    ("t02", "2027-01-13", "p2", "Kolik stojí espresso v kanceláři? Počítáme cenu šálku do posledního haléře",
     "Kalkulace pro firmy do padesáti lidí", "káva do kanceláře", "commercial"),
    ("t03", "2027-01-20", "p3", "Z plantáže v Sidamu až na Vysočinu: cesta jednoho pytle kávy",
     "Reportáž o lidech, kteří stojí za vaším hrnkem", "etiopská káva", "informational"),
    ("t04", "2027-01-28", "p4", "Předplatné kávy jako dárek: pro koho se hodí a jak ho vybrat",
     "Malý průvodce pro ty, kdo dárky nechávají na poslední chvíli", "předplatné kávy", "transactional"),
)  # fmt: skip
PERSONAS: dict[str, dict[str, Any]] = {
    "p1": {"characterName": "Alžběta Dvořáková", "age": 46, "roleInCompany": "zakladatelka a hlavní pražička",
           "jungArchetype": "sage", "mbtiType": "INFJ", "dominantValue": "poctivost řemesla",
           "mainFrustration": "Že se z dobré kávy dělá buď věda, nebo dezert.", "vocabularyLevel": "expert",
           "sentencePreference": "varied", "metaphorUsage": "moderate", "argumentStructure": "story_first",
           "favoritePhrasesKeywords": ["nejdřív přičichněte", "chuť je sval"],
           "uniqueSignatureEnding": "A teď si uvařte šálek, počkám.",
           "artStyleName": "soft documentary photography", "visualAtmosphere": "calm morning light",
           "backstoryHighlight": "Po deseti letech v bance odjela na tři měsíce do Etiopie a vrátila se s pytlem "
           "kávy a výpovědí.", "hobbyOutsideWork": "běžecké lyžování", "neuroticismLevel": 24},
    "p2": {"characterName": "Tomáš Říha", "age": 38, "roleInCompany": "prodej firmám", "jungArchetype": "ruler",
           "mbtiType": "ESTJ", "dominantValue": "spolehlivost", "mainFrustration": "Rozhodnutí bez čísel.",
           "vocabularyLevel": "everyday", "sentencePreference": "short", "metaphorUsage": "rare",
           "argumentStructure": "data_first", "favoritePhrasesKeywords": ["pojďme to spočítat"],
           "uniqueSignatureEnding": "Čísla máte. Zbytek je na vás.", "artStyleName": "clean editorial photography",
           "visualAtmosphere": "bright office daylight", "backstoryHighlight": "Postavil tři kancelářské kuchyňky a "
           "v každé vydržel jen ten kávovar, který vybral on.", "hobbyOutsideWork": "oprava starých motorek"},
    "p3": {"characterName": "Klára Nováková", "age": 31, "roleInCompany": "nákupčí zelené kávy",
           "jungArchetype": "explorer", "mbtiType": "ENFP", "dominantValue": "zvědavost",
           "mainFrustration": "Nálepky, za kterými není žádný člověk.", "vocabularyLevel": "literary",
           "sentencePreference": "long", "metaphorUsage": "frequent", "argumentStructure": "question_answer",
           "favoritePhrasesKeywords": ["víte, kdo to pěstoval?"], "uniqueSignatureEnding": "Cesta pokračuje.",
           "artStyleName": "reportage photography", "visualAtmosphere": "warm golden hour",
           "backstoryHighlight": "Mluví amharsky s přízvukem z Jihlavy.", "hobbyOutsideWork": "analogová fotografie"},
    "p4": {"characterName": "Jindřich Šťastný", "age": 27, "roleInCompany": "barista a správce e-shopu",
           "jungArchetype": "jester", "mbtiType": "ENTP", "dominantValue": "radost",
           "mainFrustration": "Nuda v hrnku.", "favoritePhrasesKeywords": ["bez mučení"],
           "uniqueSignatureEnding": "Hezký den a plný hrnek!", "hobbyOutsideWork": "stand-up"},
}  # fmt: skip
DNA: dict[str, Any] = {
    "mission": "Přinášet na Vysočinu kávu, u které znáte jméno farmáře i den pražení.",
    "vision": "Aby se dobrá káva pila i tam, kde není žádná kavárna.",
    "values": ["poctivost řemesla", "férová cena", "blízkost", "trpělivost"],
    "target_audience": "Lidé od 28 do 55 let, kteří doma vaří filtr nebo espresso, a firmy do padesáti zaměstnanců.",
    "audience_pain_points": ["Káva z regálu chutná pokaždé jinak.", "Nevyznají se v popiscích na balíčku."],
    "audience_desires": ["Ranní rituál, který se povede.", "Vědět, komu za kávu platí."],
    "industry": "pražení a prodej kávy", "products_services": ["zrnková káva", "předplatné", "kurzy přípravy",
    "servis kávovarů"], "usp": "Pražíme v den expedice a na každý balíček píšeme jméno farmáře.",
    "tone_formal_casual": 68, "tone_serious_playful": 42,
    "content_themes": ["příprava doma", "původ kávy", "káva ve firmě"],
    "competitors": ["Doubleshot", "La Bohème Café", "Fixi"],
    "sources": [{"field": "mission", "url": f"{WEBSITE}/o-nas"}, {"field": "usp", "url": f"{WEBSITE}/o-nas"},
                {"field": "products_services", "url": f"{WEBSITE}/obchod"},
                {"field": "values", "url": f"{WEBSITE}/o-nas"}, {"field": "competitors", "url": f"{WEBSITE}/blog"}],
}  # fmt: skip
CAPTIONS = {
    "instagram": "Nejdřív přičichněte. ☕️\n\n{title}\n\nAlžběta k tomu říká: „Chuť je sval a trénuje se.“ Uložte si "
    "recept na ráno, až budete mít pět minut jen pro sebe. Celý návod najdete na našem blogu.",
    "linkedin": "Tři čísla, která jsme loni slyšeli častěji: 93 °C, 4 minuty, 15 gramů.\nStačí to?\n\nV novém článku "
    "„{title}“ ukazujeme, co s chutí udělá voda, co mlýnek a co obyčejná trpělivost. Vycházíme z vlastních měření "
    "v pražírně a z metodiky Specialty Coffee Association.\n\n→ voda s nízkou mineralizací,\n→ mletí těsně před "
    "přípravou,\n→ váha místo odměrky.\n\nJak vaříte kávu u vás v kanceláři? Napište nám do komentářů, nejlepší "
    "postup vyzkoušíme a zveřejníme.",
    "twitter": "93 °C, 4 minuty, 15 g. Víc na dobrou kávu doma nepotřebujete. Zbytek je trpělivost. {title}",
    "facebook": "Kdo z vás má doma mlýnek? 🙋 V lednu se na blogu věnujeme domácí přípravě: {title}. Bez drahého "
    "vybavení, bez mučení, s jedním pokusem, který zvládnete už zítra ráno.",
    "tiktok": "POV: poprvé si navážíš kávu na gramy a najednou chutná. Celý recept na blogu 👉 prazirna-umlyna.cz",
    "pinterest": "Návod krok za krokem: voda, mletí, poměr a čas. Připněte si ho ke kávovaru a ráno už jen zalijte.",
}
TAGS = {"instagram": 5, "linkedin": 3, "twitter": 2, "facebook": 2, "tiktok": 3, "pinterest": 2}
HASHTAGS = ("#vyberovakava", "#prazirna", "#kavadoma", "#vysocina", "#filtrovanakava")


class MemoryFiles:
    """A file store in memory with the real one's interface for reading."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def add(self, data: bytes, extension: str) -> str:
        digest = hashlib.sha256(data).hexdigest()
        key = f"{digest[:2]}/{digest}.{extension}"
        self.stored[key] = data
        return key

    async def get(self, key: str) -> bytes:
        if key not in self.stored:
            raise NotFound(f"There is no file {key!r}.")
        return self.stored[key]


def provenance(item: str, template: str | None = None, **changes: Any) -> Provenance:
    digest = hashlib.sha256(item.encode()).hexdigest()
    return replace(
        Provenance(f"id-{item}", 0, 0, digest, "model", template, "gemini/gemini-3-flash"), **changes
    )


def picture(colours: tuple[str, ...], ratio: tuple[int, int], size: int) -> bytes:
    """Draw a quiet still life in the colours of a persona, in the asked ratio."""
    width, height = (
        (size, size * ratio[1] // ratio[0]) if ratio[0] >= ratio[1] else (size * ratio[0] // ratio[1], size)
    )
    slope = Image.linear_gradient("L").resize((width, height))
    image = Image.composite(
        Image.new("RGB", slope.size, colours[1]), Image.new("RGB", slope.size, colours[0]), slope
    )
    draw = ImageDraw.Draw(image, "RGBA")
    unit, x, y = min(width, height) / 10, width / 2, height * 0.62
    draw.ellipse((x - 3.4 * unit, y + 0.6 * unit, x + 3.4 * unit, y + 2.0 * unit), fill=(255, 255, 255, 90))
    draw.rounded_rectangle(
        (x - 2 * unit, y - 2 * unit, x + 2 * unit, y + 1.4 * unit), unit, fill=(255, 255, 255, 235)
    )
    draw.ellipse((x - 1.7 * unit, y - 2.3 * unit, x + 1.7 * unit, y - 1.5 * unit), fill=(60, 40, 28, 255))
    for shift in (-0.8, 0.0, 0.8):
        draw.arc((x + (shift - 0.4) * unit, y - 4.4 * unit, x + (shift + 0.4) * unit, y - 2.6 * unit), 90, 270,
                 fill=(255, 255, 255, 170), width=max(1, int(unit / 6)))  # fmt: skip
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def film(colours: tuple[str, ...], size: int, seconds: int) -> bytes:
    """Encode a playable MP4 of a slowly moving picture, 9:16."""
    still = Image.open(io.BytesIO(picture(colours, (9, 16), size))).convert("RGB")
    width, height = still.width // 2 * 2, still.height // 2 * 2
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(10 * seconds):
            turned = still.resize((width, height)).rotate(number / 8)
            frame = av.VideoFrame.from_image(turned)  # type: ignore[no-untyped-call]
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()


def article(title: str, keyword: str, signature: str, number: int) -> dict[str, Any]:
    """A whole article of four body sections; ``number`` varies the order of its paragraphs."""
    texts = [PARAGRAPHS[(number + index) % len(PARAGRAPHS)] for index in range(len(PARAGRAPHS))]
    bodies = [
        "Začíná to vodou",
        "Mlýnek rozhoduje víc než kávovar",
        "Recept na první týden",
        "Co dělat, když to nechutná",
    ]
    sections = [{"sectionType": "intro", "heading": "", "headingLevel": 2, "content": f"{texts[0]}\n\n{texts[1]}",
                 "hasImage": True, "hasCta": False}]  # fmt: skip
    for index, heading in enumerate(bodies):
        content = "\n\n".join(
            [*(texts[(index + step) % 6] for step in range(3)), *([LISTING] if index == 2 else [])]
        )
        sections.append({"sectionType": "body", "heading": heading, "headingLevel": 2, "content": content,
                         "hasImage": False, "hasCta": False})  # fmt: skip
    sections.append({"sectionType": "conclusion", "heading": "Než zalijete první šálek", "headingLevel": 2,
                     "content": f"{texts[2]}\n\n{signature}", "hasImage": False, "hasCta": True})  # fmt: skip
    return {
        "title": title, "slug": "", "metaTitle": f"{keyword.capitalize()}: návod z pražírny U Mlýna",
        "metaDescription": f"{keyword.capitalize()} bez drahého vybavení: voda, mletí, poměr a čas. Postup, který "
        "používáme v pražírně, s jedním pokusem na zítřejší ráno.", "sections": sections,
        "faqs": [{"question": "Jak dlouho vydrží čerstvě pražená káva?", "answer": "Nejlépe chutná mezi sedmým a "
                  "čtyřicátým dnem od pražení. Skladujte ji v uzavřeném sáčku mimo světlo."},
                 {"question": "Potřebuji drahý mlýnek?", "answer": "Ne. Ruční mlýnek s kameny do dvou tisíc korun "
                  "stačí na roky."}],
        "keyTakeaways": ["Voda tvoří 98 % šálku, začněte u ní.", "Melte těsně před přípravou.",
                         "Na jeden šálek počítejte 15 gramů kávy."],
        "wordCount": 1640 + 37 * number,
    }  # fmt: skip


def month(files: MemoryFiles, *, size: int = 64, seconds: int = 1, sandbox: bool = True) -> MonthPackage:
    """The month: four posts, six networks, images in four ratios, a film for the first post."""
    posts = tuple(_post(number, files, size, seconds) for number in range(len(TOPICS)))
    return MonthPackage(
        run_id="0197e4a2-demo", organization="org-demo", month="2027-01", tier="ultimate", sandbox=sandbox,
        company=CompanyPackage("c-1", "Pražírna U Mlýna", WEBSITE, "pražírna kávy", "zrnková káva", "cs",
                               "Europe/Prague"),
        language="cs", graph_version="1", created_at="2026-11-22T08:15:00.000000+00:00", platforms=PLATFORMS,
        dna=DnaPackage(DNA, provenance("dna", "DNA_V1@1")),
        personas=tuple(
            PersonaPackage(item, {**content, "colorPalette": PALETTES[item]}, provenance(item, "PERSONA_GEN_V1@1"))
            for item, content in PERSONAS.items()
        ),
        topics=tuple(post.topic for post in posts), posts=posts, approvals=_approvals(),
        outcomes=(OutcomeEntry("asset", "t02.video", 0, "skipped", "FEATURE_NOT_AVAILABLE",
                               "Video bylo objednáno jen pro první článek.", "none"),),
        prompts=(PromptUse("BLOGPOST_GEN_V1", 1, "ab" * 32), PromptUse("DNA_V1", 1, None),
                 PromptUse("PERSONA_GEN_V1", 1, None), PromptUse("SOCIAL_POST_GEN_V1", 2, None)),
        costs=Costs(1_874_212, (CostLine("gemini", 47, 1_433_512, 0, 0, 182_340, 96_120, 0, 0.0),
                                CostLine("veo", 1, 400_000, 0, 0, 0, 0, 0, 8.0),
                                CostLine("perplexity", 6, 40_700, 0, 5_200, 9_100, 6_040, 0, 0.0)),
                    (CostLine("generate_image", 16, 640_000, 0, 0, 0, 0, 16, 0.0),
                     CostLine("generate_blogpost", 5, 520_700, 0, 0, 90_000, 61_000, 0, 0.0),
                     CostLine("generate_video", 1, 400_000, 0, 0, 0, 0, 0, 8.0),
                     CostLine("generate_social", 24, 272_812, 0, 0, 80_340, 30_120, 0, 0.0),
                     CostLine("scrape_dna", 8, 40_700, 0, 5_200, 21_100, 11_040, 0, 0.0))),
    )  # fmt: skip


def _post(number: int, files: MemoryFiles, size: int, seconds: int) -> PostPackage:
    item, day, persona, title, subtitle, keyword, intent = TOPICS[number]
    topic = {"item": item, "title": title, "subtitle": subtitle, "description": subtitle, "focusKeyword": keyword,
             "keywords": [keyword, "čerstvě pražená káva"], "searchIntent": intent, "plannedDate": day,
             "personaId": persona}  # fmt: skip
    content = article(title, keyword, str(PERSONAS[persona]["uniqueSignatureEnding"]), number)
    content["slug"] = ["vyberova-kava-doma", "kava-do-kancelare", "etiopska-kava", "predplatne-kavy"][number]
    findings = ("Meta popis má 118 znaků; pište 121 až 156.",) if number == 3 else ()
    return PostPackage(
        item=item,
        topic=TopicPackage(item, topic, provenance(f"{item}-topic", "TOPIC_GEN_V1@1")),
        persona_item=persona,
        post=content,
        social=tuple(_social(item, code, title) for code in PLATFORMS),
        images=tuple(
            _image(item, persona, ratio, files, size, title) for ratio in ("16:9", "1:1", "2:3", "9:16")
        ),
        video=_video(item, persona, files, size, seconds) if number == 0 else None,
        provenance=provenance(item, "BLOGPOST_GEN_V1@1", findings=findings),
    )


def _social(item: str, code: str, title: str) -> SocialPackage:
    text = CAPTIONS[code].format(title=title if code != "twitter" else title[:60])
    tags = HASHTAGS[: TAGS[code]]
    caption = f"{text}\n\n{' '.join(tags)}"
    return SocialPackage(f"{item}.{code}", code, text, tags, "Přečtěte si celý článek.", caption, len(caption),
                         platform(code).max_length, provenance(f"{item}.{code}", "SOCIAL_POST_GEN_V1@2"))  # fmt: skip


def _image(item: str, persona: str, ratio: str, files: MemoryFiles, size: int, title: str) -> ImagePackage:
    width, height = (int(part) for part in ratio.split(":"))
    key = files.add(picture(PALETTES[persona], (width, height), size), "png")
    shown = tuple(code for code in PLATFORMS if platform(code).aspect_ratio == ratio)
    name = f"{item}.image.{ratio.replace(':', 'x')}"
    return ImagePackage(name, key, "image/png", ratio, "Bílý hrnek s kávou, ze kterého stoupá pára, v ranním světle",
                        f"{ratio}, soft documentary photography, {title}, natural light, candid",
                        "blurry, low quality, distorted, ugly, watermark, text, logo", "nanobana", "imagen-3", shown,
                        provenance(name, model=None))  # fmt: skip


def _video(item: str, persona: str, files: MemoryFiles, size: int, seconds: int) -> VideoPackage:
    key = files.add(film(PALETTES[persona], size, seconds), "mp4")
    poster = files.add(picture(PALETTES[persona], (9, 16), size), "png")
    return VideoPackage(f"{item}.video", key, poster, "video/mp4", float(seconds), "9:16", "Pára stoupá z hrnku kávy",
                        "9:16, slow push in on a cup of coffee, steam", "veo", "veo-3",
                        provenance(f"{item}.video", model=None))  # fmt: skip


def _approvals() -> tuple[ApprovalEntry, ...]:
    subjects = [("dna", "dna"), *(("personas", item) for item in PERSONAS)]
    subjects += [(point, topic[0]) for point in ("topics", "posts", "packages") for topic in TOPICS]
    entries = [
        ApprovalEntry(point, item, 0, 0, "approve", "", "auto", True, hashlib.sha256(item.encode()).hexdigest(),
                      "2026-11-22T08:17:30.000000+00:00")
        for point, item in subjects
    ]  # fmt: skip
    sent_back = replace(entries[9], point="posts", item="t02", decision="reject", policy=False,
                        decided_by="jana@agentura.cz", reason="Chybí srovnání s kávou na kapsle.")  # fmt: skip
    return (*entries[:9], sent_back, *entries[9:])
