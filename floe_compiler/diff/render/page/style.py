"""How the page looks: in light and in dark, on a wide screen, a narrow one and on paper."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d2127; --soft: #5b6470; --faint: #69727d; --line: #e3e1dc;
  --field: #f3f1ed; --accent: #1f5fbf; --focus: #1f5fbf;
  --breaking: #b3261e; --breaking-wash: #fdecea; --risky: #8a5a00; --risky-wash: #fdf3dc;
  --unknown: #6b3fa0; --unknown-wash: #f3ecfb; --safe: #23703c; --safe-wash: #e8f5ec;
  --impacted: #1f5fbf; --impacted-wash: #eaf2fd; --known: #5b6470; --known-wash: #eef0f2;
  --gone: #a3231c; --gone-wash: #fdeeec; --come: #1d6a37; --come-wash: #ebf7ef;
  --shadow: 0 1px 2px rgb(20 20 20 / 6%), 0 4px 14px rgb(20 20 20 / 5%);
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "Noto Sans Mono", "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1c2026; --ink: #e7e9ec; --soft: #a7b0bb; --faint: #919ba7; --line: #2e343c;
    --field: #252a31; --accent: #7eb0ff; --focus: #7eb0ff;
    --breaking: #ff8a80; --breaking-wash: #3a1f1e; --risky: #f2c166; --risky-wash: #362b16;
    --unknown: #c9a6f5; --unknown-wash: #2d2440; --safe: #7ed59a; --safe-wash: #1a3223;
    --impacted: #7eb0ff; --impacted-wash: #1b2b43; --known: #a7b0bb; --known-wash: #262b32;
    --gone: #ff9b92; --gone-wash: #351f1f; --come: #8bdca5; --come-wash: #1a3022;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 4px 14px rgb(0 0 0 / 25%);
  }
}
* { box-sizing: border-box; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
html { scroll-padding-top: 7.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 var(--sans); }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
button, input { font: inherit; color: inherit; }
code, pre, .mono { font-family: var(--mono); font-size: .88em; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.verdict { color: var(--soft); text-align: right; max-width: 46rem; justify-self: end; }
.soft { color: var(--soft); }
.hidden, [hidden] { display: none !important; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .3rem .6rem; z-index: 9; }

.top { position: sticky; top: 0; z-index: 3; background: var(--paper); border-bottom: 1px solid var(--line);
  padding: .9rem 1.5rem .8rem; display: grid; gap: .55rem 1.5rem; grid-template-columns: 1fr auto; align-items: center; }
.top h1 { font-size: 1.25rem; line-height: 1.25; letter-spacing: -.01em; font-weight: 650; }
.top h1 small { font-weight: 500; color: var(--faint); font-size: .8em; margin-right: .35rem; }
.sides { color: var(--soft); }
.sides code { background: var(--field); padding: .1rem .4rem; border-radius: .35rem; color: var(--ink); }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; }
.chip { border: 1px solid var(--line); border-radius: 99rem; background: var(--card); padding: .2rem .75rem;
  cursor: pointer; display: inline-flex; gap: .45rem; align-items: baseline; }
.chip b { font-variant-numeric: tabular-nums; }
.chip[aria-pressed="false"] { opacity: .45; text-decoration: line-through; }
.chip:disabled { cursor: default; opacity: .4; }
.chip.breaking b { color: var(--breaking); } .chip.risky b { color: var(--risky); }
.chip.unknown b { color: var(--unknown); } .chip.safe b { color: var(--safe); } .chip.known b { color: var(--known); }
.find { display: flex; gap: .7rem; align-items: center; justify-content: flex-end; }
.find input { width: 19rem; max-width: 55vw; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); padding: .35rem .7rem; }
.find output { color: var(--faint); font-size: .85rem; text-align: right; font-variant-numeric: tabular-nums; }

main { display: grid; grid-template-columns: minmax(22rem, 5fr) minmax(22rem, 6fr); gap: 1.5rem;
  padding: 1.2rem 1.5rem 3rem; align-items: start; max-width: 118rem; margin: 0 auto; }
.nothing { font-size: 1.05rem; padding: 3rem 1rem; text-align: center; color: var(--soft); grid-column: 1 / -1; }
.level { margin-bottom: 1.6rem; }
.level > summary { cursor: pointer; list-style: none; display: flex; gap: .6rem; align-items: baseline;
  margin-bottom: .6rem; }
.level > summary::-webkit-details-marker { display: none; }
.level > summary::before { content: "▸"; color: var(--faint); transition: transform .12s; }
.level[open] > summary::before { transform: rotate(90deg); }
.level h2 { font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; font-weight: 700; }
.level.breaking h2 { color: var(--breaking); } .level.risky h2 { color: var(--risky); }
.level.unknown h2 { color: var(--unknown); } .level.safe h2 { color: var(--safe); }
.level.known h2 { color: var(--known); }
.level > summary p { color: var(--faint); font-size: .85rem; }

.finding { background: var(--card); border: 1px solid var(--line); border-left-width: 4px; border-radius: .6rem;
  padding: .75rem 1rem .8rem; margin-bottom: .7rem; box-shadow: var(--shadow); cursor: pointer; }
.finding.breaking { border-left-color: var(--breaking); } .finding.risky { border-left-color: var(--risky); }
.finding.unknown { border-left-color: var(--unknown); } .finding.safe { border-left-color: var(--safe); }
.finding.known { border-left-color: var(--faint); }
.finding.chosen { outline: 2px solid var(--accent); outline-offset: 1px; }
.finding header { display: flex; gap: .55rem; align-items: baseline; flex-wrap: wrap; }
.finding h3 { font-size: 1rem; font-weight: 620; overflow-wrap: anywhere; }
.finding h3 .kind { color: var(--faint); font-weight: 500; margin-right: .3rem; }
.finding .rule { margin-left: auto; color: var(--faint); font-size: .8rem; }
.sign { font-family: var(--mono); font-weight: 700; width: 1.1em; text-align: center; }
.sign.added { color: var(--come); } .sign.removed { color: var(--gone); }
.sign.changed, .sign.renamed, .sign.moved { color: var(--risky); }
.title { font-weight: 500; }
.change { font-family: var(--mono); font-size: .86rem; margin: .35rem 0; overflow-wrap: anywhere; }
.change .field { color: var(--soft); }
del, ins { text-decoration: none; }
.gone { color: var(--gone); background: var(--gone-wash); padding: .05rem .3rem; border-radius: .25rem; }
.come { color: var(--come); background: var(--come-wash); padding: .05rem .3rem; border-radius: .25rem; }
.explanation { color: var(--soft); font-size: .92rem; }
.finding details { margin: .4rem 0; }
.finding details summary { cursor: pointer; color: var(--accent); font-size: .86rem; }
.lines { background: var(--field); border-radius: .4rem; padding: .5rem 0; margin-top: .35rem; overflow-x: auto;
  font: .8rem/1.5 var(--mono); max-height: 24rem; overflow-y: auto; }
.lines span { display: block; padding: 0 .7rem; white-space: pre; min-width: max-content; }
.lines .minus { background: var(--gone-wash); color: var(--gone); }
.lines .plus { background: var(--come-wash); color: var(--come); }
.lines .skip-mark { color: var(--faint); }
.facts { display: grid; grid-template-columns: 7.6rem minmax(0, 1fr); gap: .2rem .8rem; font-size: .9rem; margin-top: .45rem; }
.facts dt { color: var(--faint); }
.facts dd { overflow-wrap: anywhere; }
.facts ol li + li::before { content: "→ "; color: var(--faint); }
.node-link { border: 0; background: var(--field); border-radius: .3rem; padding: 0 .4rem; cursor: pointer;
  font-family: var(--mono); font-size: .85em; margin: .08rem .15rem .08rem 0; }
.node-link:hover { color: var(--accent); }
.bad { color: var(--breaking); }

main > * { min-width: 0; }
.side-by { position: sticky; top: 8.3rem; display: grid; gap: .8rem; grid-template-columns: minmax(0, 1fr); }
.lineage, .panel { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  box-shadow: var(--shadow); }
.lineage > header { display: flex; align-items: center; gap: .5rem 1rem; padding: .55rem .9rem; flex-wrap: wrap;
  border-bottom: 1px solid var(--line); }
.lineage h2, .panel h2 { font-size: .95rem; font-weight: 620; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem .9rem; color: var(--soft); font-size: .8rem; }
.legend li { display: flex; align-items: center; gap: .35rem; }
.legend i { width: .8rem; height: .8rem; border-radius: .2rem; border: 1.5px solid; }
.legend .breaking { background: var(--breaking-wash); border-color: var(--breaking); }
.legend .risky { background: var(--risky-wash); border-color: var(--risky); }
.legend .unknown { background: var(--unknown-wash); border-color: var(--unknown); }
.legend .safe { background: var(--safe-wash); border-color: var(--safe); }
.legend .impacted { background: var(--impacted-wash); border-color: var(--impacted); border-style: dashed; }
.zoom { margin-left: auto; display: flex; gap: .3rem; }
.zoom button { border: 1px solid var(--line); background: var(--card); border-radius: .4rem; min-width: 2rem;
  cursor: pointer; line-height: 1.6; }
.canvas { overflow: auto; max-height: calc(100vh - 22rem); min-height: 9rem; cursor: grab; }
.canvas.dragged { cursor: grabbing; user-select: none; }
.canvas svg { display: block; margin: 0 auto; }
.edge { fill: none; stroke: var(--line); stroke-width: 1.5; }
.edge.hot { stroke: var(--impacted); stroke-opacity: .55; }
.node { cursor: pointer; }
.node rect { fill: var(--field); stroke: var(--line); stroke-width: 1.2; rx: 6; }
.node text { font: 12px var(--mono); fill: var(--ink); }
.node .type { font: 9.5px var(--sans); fill: var(--faint); letter-spacing: .03em; }
.node .mark { font: 700 13px var(--mono); }
.node.impacted rect { fill: var(--impacted-wash); stroke: var(--impacted); stroke-dasharray: 4 3; }
.node.impacted .mark { fill: var(--impacted); }
.node.changed rect { fill: var(--known-wash); stroke: var(--known); stroke-width: 1.6; }
.node.breaking rect { fill: var(--breaking-wash); stroke: var(--breaking); }
.node.risky rect { fill: var(--risky-wash); stroke: var(--risky); }
.node.unknown rect { fill: var(--unknown-wash); stroke: var(--unknown); }
.node.safe rect { fill: var(--safe-wash); stroke: var(--safe); }
.node.breaking .mark { fill: var(--breaking); } .node.risky .mark { fill: var(--risky); }
.node.unknown .mark { fill: var(--unknown); } .node.safe .mark { fill: var(--safe); }
.node.outside rect { rx: 16; }
.node.removed text:not(.type, .mark) { text-decoration: line-through; }
.node:focus { outline: none; }
.node:focus-visible rect, .node.chosen rect { stroke-width: 3; stroke: var(--focus); stroke-dasharray: none; }
svg.chosen .node:not(.near), svg.searched .node:not(.found) { opacity: .22; }
svg.chosen .edge:not(.near) { opacity: .12; }
svg.chosen .edge.near { stroke: var(--accent); stroke-width: 2; stroke-opacity: .9; }
.panel { padding: .8rem 1rem 1rem; max-height: 18rem; overflow: auto; }
.panel h2 .kind { color: var(--faint); font-weight: 500; margin-right: .3rem; }
.panel p { color: var(--soft); font-size: .9rem; margin-top: .35rem; }
.panel a { color: var(--accent); text-decoration: none; }
.panel li { font-size: .9rem; }
.keys { color: var(--faint); font-size: .8rem; padding: 0 1.5rem 2rem; text-align: center; }
kbd { font: .85em var(--mono); border: 1px solid var(--line); border-bottom-width: 2px; border-radius: .3rem;
  padding: 0 .3rem; background: var(--card); }

@media (max-width: 62rem) {
  main { grid-template-columns: minmax(0, 1fr); padding: 1rem; }
  .side-by { position: static; grid-row: 1; }
  .canvas { max-height: 24rem; }
  .top { position: static; grid-template-columns: minmax(0, 1fr); padding: 1rem; }
  .find { justify-content: flex-start; flex-direction: row-reverse; }
  .verdict { text-align: left; justify-self: start; }
}
@media print {
  :root { color-scheme: light; --shadow: none; }
  body { font-size: 10pt; background: none; }
  .top, .side-by { position: static; }
  .find, .zoom, .keys, .panel, .skip { display: none; }
  main { display: block; padding: 0; }
  .canvas { max-height: none; overflow: visible; }
  .canvas svg { width: 100% !important; height: auto !important; max-height: 22cm; }
  .finding { break-inside: avoid; }
  .lines { max-height: none; }
  .lines span { white-space: pre-wrap; min-width: 0; }
  .lineage { break-inside: avoid; margin-bottom: 1rem; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; scroll-behavior: auto !important; } }
"""
