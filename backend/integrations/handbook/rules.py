"""Which page of the handbook helps with an address, and which places answer a question. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from backend.core.text import plain
from backend.integrations.handbook.schemas import Article, Hit, Section

#: Words of a question beyond these say nothing new.
MOST_WORDS = 12
#: Places that are shown.
MOST_HITS = 12
#: A place that scores so many times less than the best is not what was meant.
WORSE = 3
#: Characters of a section that are shown with it.
EXCERPT = 180
#: How much a word counts: in the title of the page, in other words for it, in the title of the section, in its text.
_TITLE, _WORDS, _HEADING, _TEXT = 8, 6, 5, 1
_PARTS = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a text without accents, as people type them in a hurry."""
    return _PARTS.findall(plain(text))


def search(
    question: str, articles: Iterable[Article], sections: Mapping[str, Sequence[Section]]
) -> list[Hit]:
    """Places that have every word of the question, the best of each page, best pages first, without those that answer far
    worse. The last word may be the beginning of one: whoever types does not wait for the end."""
    wanted = words_of(question)[:MOST_WORDS]
    if not wanted:
        return []
    scored = []
    for article in articles:
        best = max(
            ((_score(wanted, article, one), -place, one) for place, one in enumerate(sections[article.slug])),
            default=None,
        )
        if best and best[0]:
            scored.append((best[0], article, best[2]))
    scored.sort(key=lambda found: -found[0])
    enough = scored[0][0] / WORSE if scored else 0
    return [
        Hit(article=article, section=section, excerpt=_excerpt(section.text, wanted))
        for score, article, section in scored[:MOST_HITS]
        if score >= enough
    ]


def _score(wanted: Sequence[str], article: Article, section: Section) -> int:
    places = (
        (_TITLE, words_of(article.title)),
        (_WORDS, words_of(f"{article.words} {article.summary}")),
        (_HEADING, words_of(section.title)),
        (_TEXT, words_of(section.text)),
    )
    total = 0
    for place, word in enumerate(wanted, 1):
        is_last = place == len(wanted)
        found = sum(
            weight
            for weight, words in places
            if any(one == word or (is_last and one.startswith(word)) for one in words)
        )
        if not found:
            return 0
        total += found
    phrase = f" {' '.join(wanted)}"
    return total + sum(weight * 3 for weight, words in places if phrase in f" {' '.join(words)}")


def _excerpt(text: str, wanted: Sequence[str]) -> str:
    """Some words around the question as it was asked, or around the first of its words."""
    folded = plain(text)
    asked = [" ".join(wanted)] if " ".join(wanted) in folded else wanted
    places = [found.start() for words in asked if (found := re.search(rf"\b{re.escape(words)}", folded))]
    # Folding keeps places only where each letter stays one letter; composed Vietnamese does.
    start = max(min(places, default=0) - EXCERPT // 3, 0)
    start = text.rfind(" ", 0, start) + 1 if start else 0
    end = text.find(" ", start + EXCERPT)
    end = len(text) if end < 0 else end
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"


def article_for(path: str, articles: Iterable[Article]) -> Article | None:
    """The page that helps with an address of the site: the one that names the most of it."""
    parts = [part for part in path.split("/") if part]
    best: tuple[tuple[int, int], Article] | None = None
    for article in articles:
        for pattern in article.pages:
            rank = _rank([part for part in pattern.split("/") if part], parts)
            if rank and (best is None or rank > best[0]):
                best = rank, article
    return best[1] if best else None


def _rank(pattern: Sequence[str], parts: Sequence[str]) -> tuple[int, int] | None:
    """How much of the address a pattern names: parts in all, parts by word. None where it is of another address."""
    if len(pattern) > len(parts) or (not pattern and parts):
        return None
    if any(one not in ("*", part) for one, part in zip(pattern, parts, strict=False)):
        return None
    return len(pattern) + 1, sum(one != "*" for one in pattern)
