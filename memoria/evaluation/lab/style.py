"""How a report looks: light or dark as the reader's system is, from a telephone's width up, without a script."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--ink:#222;--soft:#555;--page:#fff;--line:#ddd;--box:#f3f6fa;--edge:#0072b2}
body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:var(--ink);
background:var(--page);overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.5rem}a{color:inherit}
.soft{color:var(--soft)}.note{border-left:4px solid #d55e00;padding-left:.8rem}
table{border-collapse:collapse;margin:1rem 0;font-size:.9rem}
caption{text-align:left;padding:.3rem 0;color:var(--soft)}
th,td{padding:.25rem .7rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th[colspan]{text-align:center}td{font-variant-numeric:tabular-nums}
tbody th,thead tr:first-child th:first-child,.left th,.left td{text-align:left;font-weight:400}
tbody th,thead tr:first-child th:first-child{position:sticky;left:0;background:var(--page)}
.best{font-weight:700}.bound{color:var(--soft);font-style:italic}
.range{color:var(--soft);font-size:.85em;font-weight:400}
.wide{overflow-x:auto}
code{font-size:.9em}
pre{background:var(--box);padding:.8rem 1rem;white-space:pre-wrap}
.verdict{background:var(--box);border-left:4px solid var(--edge);padding:.6rem 1rem;margin:.6rem 0}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
figure{margin:0}figcaption{color:var(--soft);font-size:.9rem}
figure svg{width:100%;height:auto}
@media (prefers-color-scheme:dark){
:root{--ink:#e6e6e6;--soft:#aaa;--page:#17191c;--line:#3a3d42;--box:#20242a;--edge:#56b4e9}
figure svg text{fill:var(--ink)!important}
figure svg [style*="fill: #ffffff"]{fill:none!important}
figure svg [style*="stroke: #000000"]{stroke:var(--ink)!important}
figure svg [style*="stroke: #dddddd"]{stroke:var(--line)!important}
figure svg [style*="stroke: #882255"]{stroke:#d4709d!important}
figure svg [style*="fill: #882255"]{fill:#d4709d!important}
figure svg [style*="stroke: #0072b2"]{stroke:#4aa3df!important}
figure svg [style*="fill: #0072b2"]{fill:#4aa3df!important}
}
@media print{details{display:block}}
"""
