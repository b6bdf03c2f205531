/** The one style sheet of the buyer's pages, kept as text so that the compiled package needs no other files. */

export const styleSheet = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#17222e, #e4eaf0);
  --soft: light-dark(#51606f, #a3b1bf);
  --page: light-dark(#f4f6f8, #10171e);
  --paper: light-dark(#ffffff, #18212a);
  --line: light-dark(#d3dae1, #323f4b);
  --accent: light-dark(#0b5f8a, #6bbbe6);
  --on-accent: light-dark(#ffffff, #0b1a24);
  --head: light-dark(#12303f, #0b1c26);
  --good: light-dark(#1a6b41, #7dd3a3);
  --good-back: light-dark(#e4f4ea, #15301f);
  --warn: light-dark(#7a4b00, #f0c26b);
  --warn-back: light-dark(#fdf1d8, #33270d);
  --bad: light-dark(#a1241b, #ff9c90);
  --bad-back: light-dark(#fdeae8, #3a1815);
  --info-back: light-dark(#e6f1f8, #142a38);
  --mono: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", "DejaVu Sans", sans-serif;
}
body.seller { --accent: light-dark(#7a3c8f, #d7a0e8); --head: light-dark(#44244f, #26142d); }
a { color: var(--accent); }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem 1rem; z-index: 1; }

header { background: var(--head); color: #f2f6f9; }
header a { color: #d5ecfa; }
header a:focus-visible { outline-color: #fff; }
.bar { max-width: 68rem; margin: 0 auto; padding: .7rem 1.25rem; display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; align-items: center; }
.bar p { margin: 0; }
.brand { font-size: 1.15rem; font-weight: 650; }
.brand a { color: #fff; text-decoration: none; }
.tag { font-size: .75rem; font-weight: 500; border: 1px solid #ffffff66; border-radius: 1rem; padding: .1rem .55rem; white-space: nowrap; }
nav { display: flex; gap: 1.1rem; }
nav a[aria-current] { color: #fff; font-weight: 600; text-decoration-thickness: 2px; text-underline-offset: .3em; }
nav a:not([aria-current]) { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.who { margin-left: auto !important; font-size: .9rem; }

main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem 2rem; color: var(--soft); font-size: .85rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .2rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 .6rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
section { margin: 1.75rem 0; scroll-margin-top: 1rem; }
section section { margin: 1rem 0 0; }
.lead { font-size: 1.08rem; color: var(--soft); margin: 0 0 1rem; overflow-wrap: anywhere; }
.crumb { margin: 0; font-size: .9rem; }
.codes, .small, small { color: var(--soft); font-size: .875rem; }
code, .mono, pre { font-family: var(--mono); font-size: .88em; }
code { overflow-wrap: anywhere; }
pre { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto; }

.panel, .card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem; }
.cards { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.cards .card { display: flex; flex-direction: column; }
.cards .card h2 { font-size: 1.05rem; margin-bottom: .2rem; }
.cards .card p { margin: 0 0 .25rem; }
.cards .by, .cards .type { color: var(--soft); font-size: .9rem; }
.cards .price { margin-top: auto; padding-top: .6rem; font-weight: 600; display: flex; justify-content: space-between; gap: .5rem; flex-wrap: wrap; }
.choices { list-style: none; margin: .5rem 0 0; padding: 0; display: grid; gap: .6rem; max-width: 34rem; }
.choice { width: 100%; text-align: left; background: var(--paper); color: var(--ink); border: 1px solid var(--line); padding: .75rem 1rem; font-weight: 400; }
.choice:hover { border-color: var(--accent); background: var(--info-back); }
.search { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 1rem 0; }
.search label { color: var(--soft); font-size: .9rem; }

.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--paper); }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: .7rem 1rem .4rem; color: var(--soft); font-size: .875rem; }
th, td { text-align: left; padding: .55rem 1rem; border-top: 1px solid var(--line); vertical-align: top; }
thead th { font-size: .85rem; color: var(--soft); font-weight: 600; }
tbody th { font-weight: 500; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }

button { font: inherit; font-weight: 600; padding: .5rem 1.1rem; border-radius: 8px; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); cursor: pointer; }
button:hover { filter: brightness(1.08); }
button.quiet { background: transparent; color: var(--accent); }
button.quiet:hover { background: var(--info-back); }
button.danger { background: transparent; color: var(--bad); border-color: var(--bad); }
button.danger:hover { background: var(--bad-back); }
input:not([type=radio], [type=checkbox]), select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--soft); border-radius: 6px; padding: .4rem .6rem; max-width: 100%; }
input[type=radio], input[type=checkbox] { accent-color: var(--accent); width: 1.1rem; height: 1.1rem; margin: .2rem 0 0; flex: none; }
fieldset { border: 0; padding: 0; margin: 0 0 1rem; }
legend { font-weight: 600; padding: 0; margin-bottom: .3rem; }
.option { display: flex; gap: .6rem; padding: .3rem 0; cursor: pointer; }
.option small { display: block; }

.badge { display: inline-block; font-size: .78rem; font-weight: 600; line-height: 1.4; padding: .1rem .6rem; border-radius: 1rem; background: var(--info-back); color: var(--accent); white-space: nowrap; }
.badge.active { background: var(--good-back); color: var(--good); }
.badge.final-hour, .badge.pending { background: var(--warn-back); color: var(--warn); }
.badge.payment-failed { background: var(--bad-back); color: var(--bad); }
.badge.ended { background: var(--line); color: var(--ink); }
.notice { border-left: 4px solid var(--accent); background: var(--info-back); border-radius: 6px; padding: .7rem 1rem; margin: 1rem 0; overflow-wrap: anywhere; }
.notice p { margin: 0; }
.notice.good { border-color: var(--good); background: var(--good-back); }
.notice.warn { border-color: var(--warn); background: var(--warn-back); }
.notice.bad { border-color: var(--bad); background: var(--bad-back); }
.sample-label { border: 2px dashed var(--accent); border-radius: 8px; padding: .6rem 1rem; margin: 0 0 1.25rem; }

.facts { margin: .5rem 0; display: grid; gap: .35rem 1rem; }
.facts > div { display: grid; grid-template-columns: minmax(9rem, 13rem) 1fr; gap: .2rem 1rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.card .facts { grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); }
.card .facts > div { grid-template-columns: 8rem 1fr; }
.card .facts > .wide { grid-column: 1 / -1; }
.agreement { margin: 0 0 1rem; }
.agreement-head { display: flex; flex-wrap: wrap; gap: .2rem 1rem; justify-content: space-between; }
.agreement-head p { margin: 0; }
.agreement > p { margin: .2rem 0; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: .8rem; }
.actions:not(:has(form)) { display: none; }
.change { margin-top: .8rem; }
details.ended { margin-top: 2rem; }
details.ended > summary { margin-bottom: .8rem; font-weight: 600; }
summary { cursor: pointer; color: var(--accent); }
.fields p { display: grid; gap: .2rem; margin: .7rem 0; max-width: 34rem; justify-items: start; }
.cases { list-style: none; padding: 0; margin: .6rem 0 0; display: grid; gap: .7rem; }
.cases li { display: grid; grid-template-columns: 15rem 1fr; gap: .3rem 1rem; align-items: start; }
.cases li button { width: 100%; }
.cases p { margin: 0; }
.cases small { display: block; }

@media (max-width: 40rem) {
  .who { margin-left: 0 !important; width: 100%; }
  .facts > div, .card .facts > div, .cases li { grid-template-columns: 1fr; gap: 0 1rem; }
  .facts dt { font-size: .85rem; }
  .scroll table { min-width: 32rem; }
  .cases { gap: 1.2rem; }
  h1 { font-size: 1.45rem; }
}
@media (prefers-reduced-motion: no-preference) { button, .choice { transition: background .12s, border-color .12s; } }
`;

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#12303f"/><path d="M7 22a9 9 0 1 1 18 0" fill="none" stroke="#6bbbe6" stroke-width="3" stroke-linecap="round"/><path d="m16 22 5-7" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>`;
