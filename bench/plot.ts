/** Bars as SVG, to be read on a page: no script, no font but the system's, a ground of its own for dark pages. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** As it stands behind the bar. */
  readonly text: string;
  /** Of another kind than the rest, such as the yardstick. */
  readonly isOther?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** Values that are aimed at, drawn as lines. */
  readonly marks?: readonly { readonly value: number; readonly label: string }[];
}

const width = 760;
const labelWidth = 230;
const textWidth = 150;
const barHeight = 20;
const rowHeight = 28;
const headHeight = 34;
const markHeight = 18;
const gap = 18;

/** Charts one below the other. */
export function chartsSvg(charts: readonly Chart[]): string {
  let top = gap;
  const drawn = charts.map((chart) => {
    const from = top;
    top += heightOf(chart) + gap;
    return drawChart(chart, from);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" font-family="system-ui, sans-serif" font-size="13">`,
    "<title>Records a second, and where the time of a call goes</title>",
    `<rect width="${width}" height="${top}" fill="#ffffff"/>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function heightOf({ bars, marks = [] }: Chart): number {
  return headHeight + bars.length * rowHeight + (marks.length > 0 ? markHeight : 0);
}

function drawChart({ title, bars, marks = [] }: Chart, top: number): string {
  const most = Math.max(...bars.map((bar) => bar.value), ...marks.map((mark) => mark.value), 1);
  const scale = (width - labelWidth - textWidth) / most;
  const lines = [`<text x="16" y="${top + 16}" font-weight="600" fill="#16191f">${escaped(title)}</text>`];
  bars.forEach((bar, index) => {
    const y = top + headHeight + index * rowHeight;
    const length = Math.max(1, bar.value * scale).toFixed(1);
    const middle = y + barHeight / 2 + 4;
    lines.push(
      `<text x="${labelWidth - 10}" y="${middle}" text-anchor="end" fill="#16191f">${escaped(bar.label)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${length}" height="${barHeight}" rx="2" fill="${bar.isOther === true ? "#9ba7b6" : "#0972d3"}"/>`,
      `<text x="${(labelWidth + Number(length) + 8).toFixed(1)}" y="${middle}" fill="#414d5c">${escaped(bar.text)}</text>`,
    );
  });
  const bottom = top + headHeight + bars.length * rowHeight;
  for (const { value, label } of marks) {
    const x = (labelWidth + value * scale).toFixed(1);
    lines.push(
      `<line x1="${x}" y1="${top + headHeight - 6}" x2="${x}" y2="${bottom}" stroke="#b54708" stroke-dasharray="4 3"/>`,
      `<text x="${x}" y="${bottom + 12}" text-anchor="middle" font-size="11" fill="#b54708">${escaped(label)}</text>`,
    );
  }
  return lines.join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
