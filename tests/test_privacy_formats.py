"""What is masked as people of the four languages' countries write it, and ordinary questions that stay as they are."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.locales import CODES
from portal.privacy import CARD_MASK, EMAIL_MASK, IBAN_MASK, PHONE_MASK, SECRET_MASK, mask
from tests.needs import REPOSITORY
from tests.test_privacy import filled, grouped, with_card_digit, with_iban_digits

SOME = settings(deadline=None, max_examples=60)

#: How numbers are written by country; each # is any digit, each N one that is neither 0 nor 1, a blank any blank and a
#: hyphen any dash.
PHONES = {
    "GB": (
        "+44 20 #### ####", "+44 (0)20 #### ####", "0044 20 #### ####", "020 #### ####", "(020) #### ####", "07### ######",
        "07### ### ###", "01### ######", "0800 ### ####", "+447#########", "+44.20.####.####", "020-####-####",
    ),
    "US": (
        "(N##) N##-####", "N##-N##-####", "N##.N##.####", "N## N## ####", "+1 N##-N##-####", "1-N##-N##-####",
        "1.N##.N##.####", "+1 (N##) N##-####", "+1N##N######", "1 (N##) N##-####", "N##-####", "N##-N##-####x45",
        "(N##) N##-#### ext. 12",
    ),
    "IE": ("+353 1 ### ####", "(01) ### ####", "01 ### ####", "087 ### ####", "00353 87 ### ####", "1850 ### ###", "021-### ####"),
    "FR": (
        "01 ## ## ## ##", "06.##.##.##.##", "07-##-##-##-##", "06########", "+33 6 ## ## ## ##", "+33 (0)1 ## ## ## ##",
        "0033 1 ## ## ## ##", "+33.1.##.##.##.##", "(+33) 1 ## ## ## ##", "0 800 ### ###", "08 ## ## ## ##",
    ),
    "BE": (
        "02 ### ## ##", "02/###.##.##", "02 ###.##.##", "0470 ## ## ##", "0470/##.##.##", "0470 ##.##.##", "+32 2 ### ## ##",
        "+32 (0)470 ## ## ##", "0032 470 ## ## ##", "+32470######",
    ),
    "CH": (
        "044 ### ## ##", "079 ### ## ##", "+41 44 ### ## ##", "0041 79 ### ## ##", "+41 (0)22 ### ## ##", "022/### ## ##",
        "+41.22.###.##.##", "0800 ### ###", "079-###-##-##",
    ),
    "CA": ("(514) N##-####", "514-N##-####", "+1 514 N##-####", "514.N##.####", "1 514 N##-####", "514 N## ####"),
    "DE": (
        "030 #######", "030/#######", "(030) ### ## ##", "0171-#######", "0171 ### ## ##", "+49 30 #######", "+49 (0) 30 #######",
        "+49(0)30-#######", "0049 171 #######", "(0 30) ## ## ## ##", "030 ####-###", "0221 / ######", "0171/#######-0",
        "+49-171-#######", "030 - ######",
    ),
    "AT": ("01 ### ## ##", "0664 #######", "0664/### ## ##", "+43 1 ### ####", "+43/664/#######", "0043 664 #######", "0316/######"),
    "RU": (
        "+7 (9##) ###-##-##", "8 (9##) ###-##-##", "8 9## ### ## ##", "8-9##-###-##-##", "8(9##)###-##-##", "+7 9## ###-##-##",
        "+79#########", "89#########", "8.9##.###.##.##", "+7.9##.###.##.##", "8 (4212) ##-##-##", "9## ###-##-##", "###-##-##",
        "+ 7 (9##) ###-##-##", "8 800 ### ## ##", "007 9## ### ## ##", "4##.###.##.##", "8.4##.###-##-##",
    ),
    "BY": (
        "+375 29 ###-##-##", "+375 (29) ###-##-##", "8 029 ###-##-##", "8029#######", "8 (017) ###-##-##", "00375 29 ### ## ##",
        "+37529#######",
    ),
    "KZ": ("+7 701 ### ## ##", "8 (727) ###-##-##", "8 701 ###-##-##", "+7701#######", "87#########", "8-7##-###-##-##"),
}  # fmt: skip
#: Letters are any capital, digits after the check digits too.
ACCOUNTS = {
    "GB": r"[A-Z]{4}[0-9]{14}", "IE": r"[A-Z]{4}[0-9]{14}", "FR": r"[0-9]{10}[A-Z0-9]{11}[0-9]{2}", "BE": r"[0-9]{12}",
    "CH": r"[0-9]{5}[A-Z0-9]{12}", "DE": r"[0-9]{18}", "AT": r"[0-9]{16}", "RU": r"[0-9]{14}[A-Z0-9]{15}",
    "BY": r"[A-Z0-9]{4}[0-9]{4}[A-Z0-9]{16}", "KZ": r"[0-9]{3}[A-Z0-9]{13}",
}  # fmt: skip
COUNTRIES = {
    "en": ("GB", "US", "IE"),
    "fr": ("FR", "BE", "CH", "CA"),
    "de": ("DE", "AT", "CH"),
    "ru": ("RU", "BY", "KZ"),
}
#: Sentences of a help desk; {} is what is not to be read afterwards.
SENTENCES = {
    "en": (
        "my number is {}, please call",
        "{}",
        "Tel: {}",
        "cannot sign in ({})",
        "{} does not work!",
        "call “{}” today",
    ),
    "fr": (
        "mon numéro est le {}, rappelez-moi",
        "tél. : {}",
        "« {} » ne marche pas",
        "l’accès de {} est bloqué",
        "({})",
    ),
    "de": ("bitte um Rückruf unter {}.", "Tel.: {}", "„{}“ geht nicht", "Zugang für {} gesperrt", "Nr.{}", "({})"),
    "ru": ("мой номер {}, перезвоните", "тел.: {}", "«{}» не работает", "вход для {} закрыт", "тел.{}", "почта:{}!"),
}
#: Blanks that people and programs put between the parts of a number: ordinary, no-break, narrow, thin, of a figure.
BLANKS = (" ", "\u00a0", "\u202f", "\u2009", "\u2007")
#: Hyphens and dashes: ordinary, no-break, of a figure, en, minus.
DASHES = ("-", "\u2011", "\u2012", "\u2013", "\u2212")
NAMES = {
    "en": ("anna.weber", "o'neil+help", "x_y-z", "J.Smith99"),
    "fr": ("hélène.léger", "rené", "j-f.dupont", "hélène"),
    "de": ("jürgen.groß", "Müller_K", "kö-ln", "m.weiß+test"),
    "ru": ("почта", "иван.петров", "служба-поддержки", "Ёжик_7", "йод"),
}
DOMAINS = {
    "en": ("example.org", "mail.example.co.uk", "EXAMPLE.COM", "example.ie"),
    "fr": ("école.example.fr", "example.be", "xn--cole-9oa.fr", "société.example"),
    "de": ("bücher.example.de", "straße.example.at", "xn--bcher-kva.example", "example.ch"),
    "ru": ("пример.рф", "почта.пример.рф", "xn--e1afmkfd.xn--p1ai", "пошта.бел", "пошта.қаз"),
}


@dataclass(frozen=True)
class Wrapped:
    """A sentence of a language with something in it."""

    before: str
    after: str

    def around(self, text: str) -> str:
        """The sentence."""
        return f"{self.before}{text}{self.after}"


def wrapped(language: str) -> st.SearchStrategy[Wrapped]:
    return st.sampled_from(SENTENCES[language]).map(lambda sentence: Wrapped(*sentence.split("{}")))


@st.composite
def numbers(draw: st.DrawFn, template: str) -> str:
    """A number as a template has it, with blanks and dashes of any kind."""
    made = "".join(
        draw(st.sampled_from("0123456789" if sign == "#" else "23456789")) if sign in "#N" else sign
        for sign in template
    )
    blank, dash = draw(st.sampled_from(BLANKS)), draw(st.sampled_from(DASHES))
    return made.replace(" ", blank).replace("-", dash)


def digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, text))


FORMS = [
    pytest.param(language, template, id=f"{language}-{country} {template}")
    for language, countries in COUNTRIES.items()
    for country in countries
    for template in PHONES[country]
]


@pytest.mark.parametrize(("language", "template"), FORMS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_telephone_number_of_every_country(language: str, template: str, data: st.DataObject) -> None:
    """It is masked in a sentence of its language, and the sentence stays; at most a short extension can be read."""
    sentence, number = data.draw(wrapped(language)), data.draw(numbers(template))

    masked = mask(sentence.around(number))

    assert masked.startswith(sentence.before)
    assert masked.endswith(sentence.after)
    assert any(kind in masked for kind in (PHONE_MASK, CARD_MASK))
    assert len(digits_of(masked)) <= len(digits_of(template.partition("x")[2].partition("ext")[2] or template[-2:]))


@pytest.mark.parametrize("language", CODES)
@SOME
@given(data=st.data())
def test_an_account_of_every_country(language: str, data: st.DataObject) -> None:
    """An IBAN in one piece, or in groups with any blank, dot or dash."""
    country = data.draw(st.sampled_from([country for country in COUNTRIES[language] if country in ACCOUNTS]))
    account = data.draw(st.from_regex(rf"\A{ACCOUNTS[country]}\Z"))
    separator = data.draw(st.sampled_from(("", ".", *BLANKS, *DASHES)))
    sentence = data.draw(wrapped(language))
    written = grouped(with_iban_digits(country, account), separator)
    shown = data.draw(st.sampled_from((written, written.lower())))

    masked = mask(sentence.around(shown))

    assert masked == sentence.around(IBAN_MASK)


@pytest.mark.parametrize("language", CODES)
@SOME
@given(data=st.data(), middle=st.text("0123456789", min_size=11, max_size=17))
def test_a_card_in_every_language(language: str, data: st.DataObject, middle: str) -> None:
    """A card's number in groups of four with any blank, dot or dash."""
    separator = data.draw(st.sampled_from(("", ".", *BLANKS, *DASHES)))
    sentence = data.draw(wrapped(language))
    card = with_card_digit(data.draw(st.sampled_from("23456")) + middle)

    masked = mask(sentence.around(grouped(card, separator)))

    assert masked == sentence.around(CARD_MASK)


@pytest.mark.parametrize("language", CODES)
@SOME
@given(data=st.data())
def test_an_address_in_every_language(language: str, data: st.DataObject) -> None:
    """Names and domains with accents, in Cyrillic, and in the form of the domain name system."""
    address = f"{data.draw(st.sampled_from(NAMES[language]))}@{data.draw(st.sampled_from(DOMAINS[language]))}"
    # Whatever stands before it without a blank may be its beginning.
    sentence = data.draw(wrapped(language).filter(lambda wrapping: not wrapping.before.endswith(".")))

    masked = mask(sentence.around(address))

    assert masked == sentence.around(EMAIL_MASK)


@pytest.mark.parametrize(
    "address",
    ["йод@край.рф", "hélène@école.example.fr", '"Anna Weber"@example.org', "anna@[192.0.2.7]", "anna＠example.org"],
)
def test_an_address_in_a_rare_form(address: str) -> None:
    """Accents as signs of their own, a name in quotation marks, a host's number, a wide at-sign."""
    masked = mask(f"вход {address} закрыт")

    assert masked == f"вход {EMAIL_MASK} закрыт"


@pytest.mark.parametrize("language", CODES)
@SOME
@given(
    data=st.data(),
    token=st.from_regex(r"\A(?:[a-f0-9]{32,64}|[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}|gh[ps]_[A-Za-z0-9]{36})\Z"),
)
def test_a_secret_in_every_language(language: str, data: st.DataObject, token: str) -> None:
    """Digests, licence keys and access tokens are masked beside words of any alphabet; letters alone are a word."""
    sentence = data.draw(wrapped(language))
    parts = token.removeprefix("ghp_").removeprefix("ghs_").split("-")
    is_random = sum(not part.isdigit() and not part.isalpha() for part in parts) > len(parts) / 2

    masked = mask(sentence.around(token))

    assert not is_random or SECRET_MASK in masked or CARD_MASK in masked
    assert not is_random or max(parts, key=len) not in masked


ORDINARY = (
    # Error codes
    "error 0x80070005 windows update", "ошибка 0xc000021a", "Fehler 3221225477", "exit code 3221225786",
    "erreur -2147024891", "error: 2147942402", "код ошибки 2147942405", "AADSTS7000215", "ORA-12154", "HTTP 404, 500, 503",
    "STOP 0x0000007B", "SQLSTATE 42S02", "49.4C02", "event id 4625", "Error code 30125-4 or 30125-1011", "erreur 30015-25", "ERR_CONNECTION_TIMED_OUT",
    # Versions and addresses of machines
    "Windows 10 10.0.19045", "Windows 11 24H2 26100.2314", "office 2019 16.0.10417.20108", "Chrome 131.0.6778.86",
    "Acrobat 24.004.20272", "Teams 24295.605.3225.8804", "5.15.0-1051-azure", "5.15.0-91-generic", "macOS 15.1.1",
    "Java 21.0.9+10", "192.168.178.1/24", "192.168.1.1-192.168.1.50", "213.133.10.55 nicht erreichbar", "v2.4.57-1ubuntu1",
    "10.0.19045.3570 → 10.0.22631.4460", "Firefox 128.4.0esr",
    # Days, hours, years
    "Rechnung vom 20.11.2026", "facture du 20/11/2026", "backup of 2026-11-20 14:30", "11/20/2026", "отпуск 20.11.–25.11.2026",
    "Urlaub 20.11.2026 – 25.11.2026", "20.11.2026 08.30–12.00", "08.30–17.00 Uhr", "office 2019 2021", "Excel 2016/2019/2021",
    "2025-2026", "с 01.09.2026 по 30.06.2027",
    # Models
    "MFC-L2710DW", "HP LaserJet M404dn", "ThinkPad T14 20XW00A1GE", "CF226X-CF287A-W1106A", "U2723QE", "KB5034441",
    "INC0012345", "Surface Pro 7 1866", "1920x1080 3840x2160", "HP-LJ400-M401dn-x64",
    # Rooms
    "Raum 2.14.301", "salle B-204", "room 4.012", "кабинет 4-215/2", "Gebäude 12 Raum 304", "bureau 12 étage 3",
    # Prices and quantities
    "1 299,00 €", "1.299.000,00 €", "12 500 000 lignes", "12 500 000 строк", "$1,299.99", "100 000 руб.", "2 500 Blatt",
    "1 000 000 000 rows", "USB 3.2 10 Gbit/s", "80 x 120 cm",
    # Files
    "IMG_20261120_143015.jpg", "Screenshot 2026-11-20 143015.png", "export-20261120-143015.csv", "scan 20261120.pdf",
    "Rechnung_2026-11.pdf", "setup-2.4.57-x64.exe", "win11-kb5034441-x64.msu", "report_v2.1.3_final(2).xlsx", "DSC01234.jpg",
    "Отчёт_2026_11.docx", "PXL_20261120_143015123.jpg",
)  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_questions_stay(text: str) -> None:
    """What people search a help centre for, alone and in a sentence of each language."""
    for before, after in (("", ""), ("how ", " please"), ("où est ", " ?"), ("wo ist ", "?"), ("где ", "?")):
        assert mask(f"{before}{text}{after}") == f"{before}{text}{after}"


@pytest.mark.parametrize("language", CODES)
def test_judged_queries_stay(language: str) -> None:
    """None of the queries that search is measured with is changed."""
    rows = (REPOSITORY / "tests" / "judgments" / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    queries = [row.split("\t")[0] for row in rows[1:]]

    assert len(queries) > 50
    assert [query for query in queries if mask(query) != query] == []


@SOME
@given(st.text("0123456789", min_size=1, max_size=6), st.sampled_from(CODES), st.data())
def test_short_numbers_stay(number: str, language: str, data: st.DataObject) -> None:
    """Up to six digits are nobody's number."""
    sentence = data.draw(wrapped(language))

    assert mask(sentence.around(number)) == sentence.around(number)


def test_two_things_in_one_query() -> None:
    """Each is masked by itself."""
    masked = mask(
        "позвоните +7 916 123-45-67 или пишите почта@пример.рф, IBAN " + with_iban_digits("KZ", "125KZT5004100100")
    )

    assert masked == f"позвоните {PHONE_MASK} или пишите {EMAIL_MASK}, IBAN {IBAN_MASK}"


def test_filled_templates_are_numbers() -> None:
    """The templates of this file have as many digits as a telephone number can."""
    lengths = {
        len(digits_of(filled(item, lambda: "5").replace("N", "5"))) for items in PHONES.values() for item in items
    }

    assert lengths <= set(range(7, 16))
