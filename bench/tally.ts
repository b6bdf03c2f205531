/** What a load has shown so far. A load may be sent in several parts, with rests between them that do not count. */

const histogramStepMs = 0.01;
const histogramSteps = 200_000;
const failuresKept = 5;

/** Times in steps of 10 µs, up to two seconds: to keep each of a million would cost the client more. */
class Histogram {
  readonly #counts = new Uint32Array(histogramSteps);
  #total = 0;
  maxMs = 0;

  add(ms: number): void {
    const step = Math.min(histogramSteps - 1, Math.floor(ms / histogramStepMs));
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.#total += 1;
    if (ms > this.maxMs) this.maxMs = ms;
  }

  /** The time that `share` of the requests stayed below. */
  quantile(share: number): number {
    let seen = 0;
    for (let step = 0; step < histogramSteps; step += 1) {
      seen += this.#counts[step] ?? 0;
      if (seen >= share * this.#total) return (step + 1) * histogramStepMs;
    }
    return this.maxMs;
  }
}

export class Tally {
  readonly times = new Histogram();
  readonly failures: string[] = [];
  failed = 0;
  /** Answered while time was measured; those behind `times`. */
  requests = 0;
  /** All, those included whose answers came after the time was up. */
  sent = 0;
  elapsedMs = 0;
  serverCpuMicros = 0;
  databaseCpuMicros = 0;
  clientCpuMicros = 0;

  fail(text: string): void {
    this.failed += 1;
    if (this.failures.length < failuresKept) this.failures.push(text);
  }

  get requestsPerSecond(): number {
    return (this.requests / this.elapsedMs) * 1_000;
  }
}
