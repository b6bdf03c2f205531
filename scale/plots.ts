/** Two pictures, as SVG that reads on light and dark pages. */

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** One a step. */
  readonly values: readonly number[];
  readonly isDashed?: boolean;
}

export interface Plot {
  readonly title: string;
  /** What the vertical axis counts, in units of `unit`. */
  readonly axis: string;
  readonly unit: number;
  readonly secondsPerStep: number;
  /** Seconds that the picture begins with and ends at. */
  readonly from: number;
  readonly to: number;
  readonly lines: readonly Line[];
}

const [width, height] = [820, 320];
const area = { left: 64, right: 16, top: 40, bottom: 64 };
const ink = "#6b7280";

export function svg(plot: Plot): string {
  const { from, to, secondsPerStep, unit } = plot;
  const part = (values: readonly number[]): readonly number[] =>
    values.slice(Math.floor(from / secondsPerStep), Math.floor(to / secondsPerStep)).map((value) => value / unit);
  const most = niceAbove(Math.max(...plot.lines.flatMap(({ values }) => part(values))));
  const x = (step: number, steps: number): number =>
    area.left + (step / Math.max(1, steps - 1)) * (width - area.left - area.right);
  const y = (value: number): number => height - area.bottom - (value / most) * (height - area.top - area.bottom);
  const paths = plot.lines.map(({ values, colour, isDashed = false }) => {
    const shown = part(values);
    const points = shown.map((value, step) => `${x(step, shown.length).toFixed(1)},${y(value).toFixed(1)}`);
    const dash = isDashed ? ' stroke-dasharray="5 4"' : "";
    return `<polyline fill="none" stroke="${colour}" stroke-width="1.8"${dash} points="${points.join(" ")}"/>`;
  });
  const rows = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(most * share).toFixed(1);
    const label = (most * share).toLocaleString("en-US", { maximumFractionDigits: 2 });
    return (
      `<line x1="${area.left}" x2="${width - area.right}" y1="${at}" y2="${at}" stroke="${ink}" stroke-opacity="0.25"/>` +
      `<text x="${area.left - 8}" y="${Number(at) + 4}" text-anchor="end">${label}</text>`
    );
  });
  const minutes = (to - from) / 60;
  const step = minutes > 90 ? 20 : 5;
  const columns = Array.from({ length: Math.floor(minutes / step) + 1 }, (_, index) => {
    const at = area.left + ((index * step) / minutes) * (width - area.left - area.right);
    return `<text x="${at.toFixed(1)}" y="${height - area.bottom + 18}" text-anchor="middle">${index * step}</text>`;
  });
  const legend = plot.lines.map(({ name, colour, isDashed = false }, index) => {
    const at = area.left + index * ((width - area.left) / plot.lines.length);
    const dash = isDashed ? ' stroke-dasharray="5 4"' : "";
    return (
      `<line x1="${at}" x2="${at + 22}" y1="${height - 14}" y2="${height - 14}" stroke="${colour}" stroke-width="3"${dash}/>` +
      `<text x="${at + 28}" y="${height - 10}">${name}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${plot.title}"`,
    `  font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<text x="${area.left}" y="18" font-size="14" font-weight="600">${plot.title}</text>`,
    `<text x="${area.left}" y="33">${plot.axis}</text>`,
    ...rows,
    ...columns,
    `<text x="${width - area.right}" y="${height - area.bottom + 34}" text-anchor="end">minutes after the hour</text>`,
    ...paths,
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}

/** 1, 2, 3, 4, 5, 6, 8 or 10 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return power * ([1, 2, 3, 4, 5, 6, 8].find((step) => step * power >= value) ?? 10);
}
