"""What is true of every page: one h1, a title, labels, unique ids, CSRF fields, nothing cut off, axe has no findings."""

import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|(?<=^/huong-dan/)[a-z0-9-]+")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_STRUCTURE = """() => {
  const found = [], all = (selector) => [...document.querySelectorAll(selector)];
  const say = (what, elements) => elements.length &&
    found.push(`${what}: ${elements.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(' ')}`);
  if (all('h1').length !== 1) found.push(`${all('h1').length} h1`);
  if (!document.title.trim()) found.push('no title');
  if (document.documentElement.lang !== 'vi') found.push('language is not vi');
  say('no label', all('input:not([type=hidden]), select, textarea').filter((one) =>
    !one.labels?.length && !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')));
  const ids = all('[id]').map((one) => one.id);
  const twice = ids.filter((id, place) => !id || ids.indexOf(id) !== place);
  if (twice.length) found.push(`id twice: ${twice}`);
  say('no csrf', all('form').filter((one) =>
    one.method === 'post' && !one.querySelector('input[name=csrf_token]')?.value));
  say('link to nowhere', all('a').filter((one) => !one.getAttribute('href') || one.getAttribute('href') === '#'));
  say('no words', all('a, button').filter((one) => one.checkVisibility() && !one.ariaLabel && !one.textContent.trim()));
  return found;
}"""
_WIDTH = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [`wider than ${innerWidth}: ${[...document.querySelectorAll('main *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 3).map((one) => one.outerHTML.slice(0, 90)).join(' ')}`]"""
#: What it does not ask for (passes, style sheets loaded anew) costs a third of its time.
_AXE = """(rules) => {
  const say = (one) =>
    `${one.id} (${one.impact}): ${one.nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(' ')}`;
  return axe.run(document, {runOnly: rules, resultTypes: ['violations'], preload: false})
    .then((report) => report.violations.map(say));
}"""


def kind_of(path: str) -> str:
    """The address without its ids and its query: pages of one kind differ in their data alone."""
    return _IDS.sub("{id}", path.partition("?")[0])


async def faults_of(page: Page) -> list[str]:
    """What is wrong with the structure of the page that is open; empty when nothing is."""
    return await _asked(page, _STRUCTURE)


async def cut_off(page: Page) -> list[str]:
    """Whether the page has to be scrolled sideways at its present width, and what sticks out."""
    return await _asked(page, _WIDTH)


async def axe_findings(page: Page) -> list[str]:
    """What axe-core has to say about the page, by its WCAG 2.2 AA and best-practice rules."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    return await _asked(page, _AXE, RULES)


async def _asked(page: Page, script: str, argument: object = None) -> list[str]:
    answer: list[Any] = await page.evaluate(script, argument)
    return [str(one) for one in answer]
