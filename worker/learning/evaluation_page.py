"""The evaluation of a classifier as one HTML page with pictures: no script, nothing fetched, readable offline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from classifier.evaluation import Evaluation
from classifier.figures import Report
from worker.learning import evaluation_pictures as pictures
from worker.learning.measures import MEASURES, percent

_STYLE = """
* { box-sizing: border-box; stroke-linejoin: round; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 48rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; break-after: avoid; }
p, figcaption { max-width: 42rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .75rem 0; font-size: .9375rem; line-height: 1.35;
  font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
thead th { color: var(--muted); font-weight: 600; }
tbody th { font-weight: 600; }
.number { text-align: right; }
td.number { white-space: nowrap; }
tr { break-inside: avoid; }
figure { margin: .75rem 0 0; break-inside: avoid; }
figure svg { display: block; width: 100%; max-width: 36rem; height: auto; }
figcaption { margin-top: .5rem; color: var(--muted); font-size: .9375rem; }
@media (max-width: 32rem) { table { font-size: .78rem; } th, td { padding-right: .3rem; } }
@media print { body { padding: 0; font-size: .8125rem; } h2 { margin-top: 1.25rem; } figure svg { max-width: 24rem; } }
"""
_GAIN = 0.01
"""More macro-F1 than this, from the last replies added, means that the curve still rises."""
_NEARLY = 0.005
"""A threshold that is cheaper by less than this is as good."""

Cell = str | int


def page(evaluation: Evaluation, about: Sequence[tuple[str, str]] = ()) -> str:
    """Return one HTML document that needs no other file.

    Args:
        evaluation: what was measured.
        about: further lines, label and value, to stand below the headline figures.
    """
    title = f"Reply classifier {evaluation.version}"
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>Evaluation: {escape(title)}</title>",
            f"<style>:root{{{_variables(pictures.LIGHT)}}}",
            f"@media screen and (prefers-color-scheme: dark){{:root{{{_variables(pictures.DARK)}}}}}{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{escape(title)}</h1>",
            "<p>How well it tells replies. Every figure is of replies that it had not seen.</p>",
            *_sections(evaluation, about),
            "</main>",
            "</body>",
            "</html>\n",
        )
    )


def _variables(colours: Mapping[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


def _sections(evaluation: Evaluation, about: Sequence[tuple[str, str]]) -> Iterable[str]:
    report = evaluation.report
    yield "<h2>In short</h2>"
    yield _table(("Figure", "Value", "What it means"), _headlines(evaluation), numbers=(1,))
    if about:
        yield "<h2>About these figures</h2>"
        yield _table(("Fact", "Value"), about)
    yield "<h2>Each class</h2>"
    yield (
        "<p>Precision: of the replies given this class, the share that belongs to it. Recall: of the replies that "
        "belong to it, the share that was given it. F1 is low when either is. Sure from: the probability from which "
        "the class is acted upon without a person.</p>"
    )
    yield _table(
        ("Class", "Replies", "Precision", "Recall", "F1", "Sure from"), _classes(report), numbers=(1, 2, 3, 4, 5)
    )
    yield "<h2>Which class is taken for which</h2>"
    yield _figure(pictures.confusion(report), _mistaken(report))
    yield "<h2>Is it as right as it is sure?</h2>"
    yield _figure(pictures.reliability(report), _believed(report))
    yield "<h2>Would more replies help?</h2>"
    if evaluation.learning:
        yield _figure(pictures.learning(evaluation.learning), _taught(evaluation.learning))
    else:
        yield (
            "<p>There is no learning curve, because none was measured when this artifact was trained: it takes "
            "learning anew from parts of the replies, which is left out where there are very many.</p>"
        )
    yield "<h2>From when is a reply held?</h2>"
    yield _figure(pictures.threshold(evaluation), _held(evaluation))
    yield "<h2>Each language</h2>"
    yield "<p>A language far below the others needs more labelled replies.</p>"
    languages = ((language or "not known", f"{score:.3f}") for language, score in report.languages.items())
    yield _table(("Language", "Macro-F1"), languages, numbers=(1,))


def _headlines(evaluation: Evaluation) -> Iterable[tuple[Cell, Cell, Cell]]:
    for measure in MEASURES:
        value = getattr(evaluation.report, measure.key)
        if value is not None:
            yield measure.label, measure.said(value), measure.means
    if evaluation.left_out:
        yield (
            "Left out",
            evaluation.left_out,
            "It learnt from these and was never tested on them, so that nothing honest can be said of them.",
        )


def _classes(report: Report) -> Iterable[tuple[Cell, ...]]:
    for label, each in report.classes.items():
        sure = report.thresholds.sure.get(label)
        scores = (f"{score:.3f}" for score in (each.precision, each.recall, each.f1))
        yield label, each.rows, *scores, "" if sure is None else f"{sure:g}"


def _mistaken(report: Report) -> str:
    errors = [
        (count / total, count, total, label, given)
        for label, row in report.confusion.items()
        if (total := sum(row.values()))
        for given, count in row.items()
        if given != label and count
    ]
    told = (
        "Each row is a true class, each column what it was called; the stronger the colour, the larger the share of "
        "the row."
    )
    if not errors:
        return f"{told} Look for colour beside the diagonal: here there is none."
    _, count, total, label, given = max(errors)
    return (
        f"{told} Look for colour beside the diagonal: the strongest is {label} called {given} ({count:,} of "
        f"{total:,}). Read some of these, mend labels that are wrong, and label more replies of both classes."
    )


def _believed(report: Report) -> str:
    told = (
        "Points below the diagonal: surer than it is right; above: too modest. A point with few replies says little "
        "(the bars below count them)."
    )
    worst = max(report.bins, key=lambda each: each.rows * abs(each.confidence - each.accuracy), default=None)
    if worst is None:
        return f"{told} Here there are none: rules decide every reply."
    return (
        f"{told} Where it is {percent(worst.confidence)} sure it is right in {percent(worst.accuracy)}, the gap that "
        f"weighs most ({worst.rows:,} replies). If the curve is far off on your own mail, train on replies of your own."
    )


def _taught(learning: Sequence[tuple[int, float]]) -> str:
    told = (
        "Macro-F1 of the learner, on replies it had not seen, by how many it was shown; as it was when the artifact "
        "was trained."
    )
    if len(learning) == 1:
        return f"{told} A single point tells nothing about what more replies would bring."
    (few, before), (many, after) = learning[-2:]
    step = f"{told} From {few:,} to {many:,} replies it changed by {after - before:+.3f}: "
    if after - before > _GAIN:
        return f"{step}the curve still rises, so that labelling more replies pays."
    return f"{step}the curve is flat, so that mending labels or hard kinds of replies pays more than many more alike."


def _held(evaluation: Evaluation) -> str:
    report = evaluation.report
    told = (
        "A reply whose probability of Unsubscribed is at least this is held for a person. Left of the dashed line more "
        "opt-outs are kept and people read more; right of it, the other way round. In use is "
        f"{report.thresholds.hold:g}: {percent(report.opt_outs_kept)} kept, {percent(report.reviewed)} read, at a "
        f"cost of {report.cost:.3f} a reply."
    )
    cheapest = min(evaluation.thresholds, key=lambda each: each.cost, default=None)
    if cheapest is None or cheapest.cost > report.cost - _NEARLY:
        return f"{told} None is noticeably cheaper on these replies: leave it."
    return (
        f"{told} On these replies {cheapest.hold:g} would be cheaper ({cheapest.cost:.3f}): train on replies like "
        "these, which chooses it anew."
    )


def _figure(picture: str, caption: str) -> str:
    return f"<figure>\n{picture}\n<figcaption>{escape(caption)}</figcaption>\n</figure>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Sequence[int] = ()) -> str:
    def cells(row: Sequence[Cell], *, head: bool) -> str:
        return "".join(
            _cell(value, at in numbers, "col" if head else "" if at else "row") for at, value in enumerate(row)
        )

    body = "\n".join(f"<tr>{cells(row, head=False)}</tr>" for row in rows)
    head = f"<thead><tr>{cells(heads, head=True)}</tr></thead>"
    return f'<div class="wide"><table>\n{head}\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _cell(value: Cell, number: bool, heads: str) -> str:  # noqa: FBT001 - private, and called in one place
    tag = "th" if heads else "td"
    scope = f' scope="{heads}"' if heads else ""
    kind = ' class="number"' if number else ""
    return f"<{tag}{scope}{kind}>{escape(f'{value:,}' if isinstance(value, int) else value)}</{tag}>"
