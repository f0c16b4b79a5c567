"""Leaving out unused CSS keeps what is used, in its order."""

from hypothesis import given
from hypothesis import strategies as st

from infra.assets.purge import purge, words_in


def test_rules_of_unused_classes_go() -> None:
    css = ".btn,.card .btn{color:red}.modal{top:0}@media (min-width:1px){.modal{top:1px}.btn{top:2px}}a{b:c}"
    assert purge(css, {"btn"}) == ".btn{color:red}@media (min-width:1px){.btn{top:2px}}a{b:c}"


def test_negated_and_grouped_classes_do_not_decide() -> None:
    css = ".btn:not(.modal),.btn:is(.a,.b)>p{x:y}"
    assert purge(css, {"btn"}) == ".btn:not(.modal),.btn:is(.a,.b)>p{x:y}"


def test_escaped_names_are_found() -> None:
    words = words_in('<p class="md:flex w-1/2">')
    assert purge(r".md\:flex{a:b}.w-1\/2{c:d}.lg\:flex{e:f}", words) == r".md\:flex{a:b}.w-1\/2{c:d}"


def test_strings_and_data_addresses_are_not_taken_apart() -> None:
    css = ".a{background:url(data:image/svg+xml;utf8,<svg a='}'>);content:\"{,;\"}.b{c:d}"
    assert purge(css, {"a"}) == css.replace(".b{c:d}", "")


def test_unread_properties_and_animations_go() -> None:
    unread = "@keyframes no{to{top:1px}}"
    css = (
        ":root{--a:1;--b:var(--a);--c:2}.x{width:var(--b);animation:spin 1s}@keyframes spin{to{top:0}}"
        + unread
    )
    kept = ":root{--a:1;--b:var(--a)}.x{width:var(--b);animation:spin 1s}@keyframes spin{to{top:0}}"
    assert purge(css, {"x"}) == kept
    assert "--c:2" in purge(css, {"x"}, also_read="p{top:var(--c)}")


names = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), unique=True, min_size=1, max_size=8)


@given(names, st.data())
def test_exactly_the_used_classes_stay(classes: list[str], data: st.DataObject) -> None:
    used = set(data.draw(st.lists(st.sampled_from(classes))))
    css = "".join(f".{name}{{order:{index}}}" for index, name in enumerate(classes))
    kept = "".join(f".{name}{{order:{index}}}" for index, name in enumerate(classes) if name in used)
    assert purge(css, used) == kept
