/** A grid of hours: its columns are the hours of a day. One cell is in the order of tabs; arrows move between cells. */
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { numberText, shortNumber } from "./types.ts";

export const hoursPerDay = 24;
const steps = 5;

export interface HeatRow {
  readonly key: string;
  readonly header: ReactNode;
  /** What the row is of, for cells that are read out. */
  readonly name: string;
  /** The largest of its scale: rows of one scale can be compared. */
  readonly max: number;
  readonly cells: readonly HeatCell[];
}

export interface HeatCell {
  readonly at: string;
  /** null: no record. */
  readonly quantity: number | null;
  readonly isDue: boolean;
}

type CellKind = "missing" | "none" | "zero" | 1 | 2 | 3 | 4 | 5;

export function kindOf({ quantity, isDue }: HeatCell, max: number): CellKind {
  if (quantity === null) return isDue ? "missing" : "none";
  if (quantity === 0 || max <= 0) return "zero";
  return Math.min(steps, Math.max(1, Math.ceil((quantity / max) * steps))) as CellKind;
}

function textOf({ quantity }: HeatCell, kind: CellKind): string {
  if (kind === "missing") return "✕";
  if (kind === "none" || quantity === null) return "·";
  return shortNumber(quantity);
}

function saidOf({ at, quantity }: HeatCell, kind: CellKind, name: string): string {
  const when = `${at.slice(0, 16).replace("T", " ")} UTC, ${name}`;
  if (kind === "missing") return `${when}: missing, no record came`;
  if (kind === "none" || quantity === null) return `${when}: no record, and none due`;
  if (kind === "zero") return `${when}: 0, a record of zero`;
  // What is read out holds what is seen.
  const [short, exact] = [shortNumber(quantity), numberText(quantity)];
  return `${when}: ${short === exact ? exact : `${short}, exactly ${exact}`}`;
}

interface HeatGridProps {
  readonly label: string;
  readonly corner: string;
  readonly rows: readonly HeatRow[];
  readonly onChoose: (row: HeatRow, cell: HeatCell) => void;
}

const moves: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -hoursPerDay],
  End: [0, hoursPerDay],
};

export function HeatGrid({ label, corner, rows, onChoose }: HeatGridProps): ReactNode {
  const [[activeRow, activeHour], setActive] = useState<readonly [number, number]>([0, 0]);
  const table = useRef<HTMLTableElement>(null);
  const shownRow = Math.min(activeRow, rows.length - 1);
  const move = (event: KeyboardEvent): void => {
    const by = moves[event.key];
    if (by === undefined || !(event.target instanceof HTMLButtonElement) || event.target.dataset.hour === undefined)
      return;
    event.preventDefault();
    const row = Math.min(rows.length - 1, Math.max(0, shownRow + by[0]));
    const hour = Math.min(hoursPerDay - 1, Math.max(0, activeHour + by[1]));
    setActive([row, hour]);
    table.current?.querySelector<HTMLElement>(`[data-row="${row}"][data-hour="${hour}"]`)?.focus();
  };
  return (
    <div className="heat">
      <table ref={table} aria-label={label} onKeyDown={move}>
        <thead>
          <tr>
            <th scope="col">{corner}</th>
            {Array.from({ length: hoursPerDay }, (_, hour) => String(hour).padStart(2, "0")).map((hour) => (
              <th key={hour} scope="col">
                {hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={row.key}>
              <th scope="row">{row.header}</th>
              {row.cells.map((cell, hour) => {
                const kind = kindOf(cell, row.max);
                const said = saidOf(cell, kind, row.name);
                return (
                  <td key={cell.at} className={`heat-${kind}`}>
                    <button
                      type="button"
                      data-row={place}
                      data-hour={hour}
                      tabIndex={place === shownRow && hour === activeHour ? 0 : -1}
                      title={said}
                      aria-label={said}
                      onFocus={() => setActive([place, hour])}
                      onClick={() => onChoose(row, cell)}
                    >
                      {textOf(cell, kind)}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function HeatLegend(): ReactNode {
  return (
    <div className="heat-legend">
      <span>
        <i className="heat-1">low</i>
        <i className="heat-3">to</i>
        <i className="heat-5">high</i> share of the series' largest hour
      </span>
      <span>
        <i className="heat-zero">0</i> a record of zero
      </span>
      <span>
        <i className="heat-missing">✕</i> missing: the hour is over, an agreement held, and no record came
      </span>
      <span>
        <i>·</i> none due
      </span>
    </div>
  );
}
