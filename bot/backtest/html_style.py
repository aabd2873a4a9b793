"""How the report's page looks: one sheet, light and dark, for a phone, a desk and paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--card:#f4f6f8;--ink:#26323d;--faint:#51626f;--line:#d5dce2;
--gain:#17733f;--loss:#b3261e;--link:#1f5fa8}
@media screen and (prefers-color-scheme:dark){:root{--paper:#17212b;--card:#1f2b37;--ink:#e4ecf2;--faint:#a9bac8;
--line:#34444f;--gain:#5fd08f;--loss:#f49a8e;--link:#8cc4fb}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0 auto;padding:1rem .9rem 3rem;max-width:62rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-top:.4rem;border-top:1px solid var(--line)}
p{margin:.3rem 0}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.faint{color:var(--faint);font-size:.92rem}
.gain{color:var(--gain)}.loss{color:var(--loss)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.8rem,1fr));gap:.6rem;margin:1rem 0;padding:0}
.cards div:first-child{grid-column:1/-1}
.cards div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.6rem .75rem}
.cards dt{color:var(--faint);font-size:.85rem;line-height:1.3}
.cards dd{margin:.15rem 0 0;font-weight:650;font-size:1.05rem;font-variant-numeric:tabular-nums}
.cards dd+dd{font-weight:400;font-size:.85rem;color:var(--faint)}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;list-style:none;margin:.6rem 0;padding:0}
nav a{display:inline-block;padding:.4rem 0}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1rem;align-items:start}
figure{margin:0}
figure img{width:100%;height:auto;border:1px solid var(--line);border-radius:.6rem;display:block}
figcaption{color:var(--faint);font-size:.85rem;margin-top:.3rem}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:.6rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.42rem .6rem;text-align:right;vertical-align:top;border-bottom:1px solid var(--line)}
tr:last-child>*{border-bottom:0}
th{font-weight:600}
thead th{background:var(--card);white-space:nowrap;font-size:.92rem}
.scroll td,.scroll tbody th{white-space:nowrap}
th:first-child,td:first-child{text-align:left}
.facts{max-width:46rem}
.facts th{font-weight:400;color:var(--faint);width:48%}
.settings{max-width:34rem}
.settings :is(th,td):nth-child(2){text-align:left;overflow-wrap:anywhere}
tfoot th,tfoot td{font-weight:700;border-top:2px solid var(--line)}
ul.plain{padding-left:1.15rem;margin:.3rem 0}
ul.plain li{margin:.35rem 0}
summary{cursor:pointer;padding:.5rem 0;color:var(--link)}
@media (min-width:48rem){.facts th{width:42%}.cards div:first-child{grid-column:auto}}
@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}.scroll{overflow:visible}
.scroll table{font-size:8pt}thead th{font-size:inherit;white-space:normal!important}th,td{padding:.15rem .35rem}h2,figure,tr{break-inside:avoid}h2{break-after:avoid}
.pictures{grid-template-columns:1fr 1fr}}
"""
