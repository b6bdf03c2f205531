/**
 * A day's worst hours, second by second: sellers that all report after the full hour, nodes and shards that take as long
 * as was measured, and what breaks meanwhile. Counts every record: at the sellers, who know what was acknowledged, and
 * at the shards, who know what is stored.
 */
import { assumed, recordsPerHour } from "./assumptions.ts";
import { nodeMicrosPerCall, type Plant, shardMicros, shardsTouched } from "./plant.ts";
import { createRandom, place, type Random, rounded, zipf } from "./random.ts";
import { createSellers, type Quotas, type Seller } from "./sellers.ts";
import { type Series, Tally } from "./simulationTally.ts";

export type Fault =
  /** Its calls are unanswered, half of them stored; another takes its place after `seconds`. */
  | { readonly kind: "node-dies"; readonly at: number; readonly seconds: number }
  | { readonly kind: "failover"; readonly at: number; readonly seconds: number; readonly shard: number }
  | { readonly kind: "region-lost"; readonly at: number; readonly seconds: number }
  /** The shard has a fraction of its CPU. */
  | {
      readonly kind: "slow";
      readonly at: number;
      readonly seconds: number;
      readonly shard: number;
      readonly share: number;
    };

export interface Run {
  readonly seed: number;
  readonly plant: Plant;
  /** Full hours of usage that sellers report; then the run goes on until all is sent, or for as long again. */
  readonly hours: number;
  readonly quotas?: Quotas;
  readonly faults?: readonly Fault[];
  /** Seconds of commits that a standby may lack when it takes over; 0: one standby has each commit before its answer. */
  readonly standbyLag?: number;
  /** Of all the usage, times this. */
  readonly share?: number;
  readonly customersPerCall?: number;
  /** Usage older than this is refused, seconds. Default: the service's 24 hours. */
  readonly windowSeconds?: number;
}

export interface Result {
  readonly due: number;
  /** What shards hold. */
  readonly stored: number;
  /** What sellers were told. */
  readonly acknowledged: number;
  /** Not sent by the end. */
  readonly waiting: number;
  /** Given up by its seller, who was refused until it was too old. */
  readonly expired: number;
  /** Acknowledged and not stored, or expired. */
  readonly lost: number;
  /** Of sent calls: over their seller's quota; refused by a node that is full. */
  readonly throttledShare: number;
  readonly overloadShare: number;
  /** Of sent records: back as unprocessed, or unanswered. */
  readonly againShare: number;
  readonly peakRecordsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Most records that were due and not acknowledged. */
  readonly backlogMax: number;
  /** Share of all nodes' CPU in the busiest second. */
  readonly nodePeak: number;
  /** By shard: share of its CPU, mean over the first hour and in its busiest second. */
  readonly shardMean: readonly number[];
  readonly shardPeak: readonly number[];
  /** Oldest record when it was acknowledged, counted from the moment its seller wanted to send it; seconds. */
  readonly oldestSeconds: number;
  /** When the last record was acknowledged. */
  readonly seconds: number;
  readonly series: Series;
}

interface Shard {
  /** Microseconds of work that wait. */
  backlog: number;
  isDown: boolean;
  cpuShare: number;
  /** Share of this second's records that it takes. */
  admits: number;
  /** Records of this second. */
  offered: number;
  /** Of the last second. */
  storedRate: number;
}

const hourSeconds = 3_600;
const headCustomers = 50_000;

export function simulate(run: Run): Result {
  return new Simulation(run).all();
}

class Simulation {
  readonly #run: Run;
  readonly #random: Random;
  readonly #sellers: readonly Seller[];
  readonly #shards: readonly Shard[];
  /** By customer's account; the others go by seller or hour. */
  readonly #weights: readonly number[];
  readonly #tally: Tally;
  #nodeBacklog = 0;
  #nodesLeft: number;
  #isLost = false;
  #nodeAdmits = 1;
  #nodeWaitMs = 0;
  #unanswered = 0;
  #accountShare = 1;

  constructor(run: Run) {
    const { plant, seed, quotas = "own", share = 1 } = run;
    this.#run = run;
    this.#random = createRandom(seed);
    this.#nodesLeft = plant.nodes;
    const records = recordsPerHour() * share;
    this.#sellers = createSellers({ records, recordsPerCall: plant.recordsPerCall, quotas, random: this.#random });
    this.#shards = Array.from({ length: plant.shards }, () => ({
      ...{ backlog: 0, isDown: false, cpuShare: 1, admits: 1, offered: 0, storedRate: 0 },
    }));
    this.#weights = accountWeights(plant.shards);
    this.#tally = new Tally(plant.shards);
  }

  all(): Result {
    const { hours } = this.#run;
    const tally = this.#tally;
    const end = hours * hourSeconds;
    for (let now = 0; now < 2 * end + hourSeconds; now += 1) {
      if (now % hourSeconds === 0 && now < end) for (const seller of this.#sellers) seller.plan(now, this.#random);
      this.#faults(now);
      this.#second(now);
      if (now > end + hourSeconds && tally.due === tally.acknowledged) break;
    }
    return tally.result(this.#sellers.reduce((sum, seller) => sum + seller.waiting(), 0));
  }

  #second(now: number): void {
    const tally = this.#tally;
    const { windowSeconds = assumed("windowHours") * hourSeconds } = this.#run;
    const sending: Seller[] = [];
    let calls = 0;
    for (const seller of this.#sellers) {
      tally.due += seller.startDue(now);
      tally.expired += seller.dropBefore(now - windowSeconds);
      if (!seller.prepare(now)) continue;
      sending.push(seller);
      calls += seller.calls;
      tally.throttledCalls += seller.throttled;
      tally.calls += seller.calls + seller.throttled;
      tally.records += seller.sent;
    }
    if (!this.#isLost) this.#serve(sending, calls, now);
    this.#accountShare = this.#shards.reduce(
      (sum, shard, index) => sum + shard.admits * (this.#weights[index] ?? 0),
      0,
    );
    for (const seller of sending) this.#settle(seller, now);
    for (const shard of this.#shards) shard.storedRate = shard.offered * shard.admits;
    this.#unanswered = 0;
    tally.endSecond(now);
  }

  /** What nodes and shards can take of this second's calls. */
  #serve(sending: readonly Seller[], calls: number, now: number): void {
    const { plant, customersPerCall } = this.#run;
    const tally = this.#tally;
    const throttled = sending.reduce((sum, seller) => sum + seller.throttled, 0);
    const perSecond = (this.#nodesLeft * 1e6) / nodeMicrosPerCall(plant, calls, customersPerCall);
    const offered = calls * (1 + assumed("repeats")) + throttled * assumed("refusedShare");
    const room = perSecond + this.#nodesLeft * assumed("inFlight") - this.#nodeBacklog;
    this.#nodeAdmits = offered === 0 ? 1 : Math.max(0, Math.min(1, room / offered));
    const used = (this.#nodeBacklog + offered) / perSecond;
    this.#nodeWaitMs =
      (this.#nodeBacklog / perSecond) * 1_000 + queueing(1e6 / (perSecond / this.#nodesLeft), used) / 1_000;
    tally.nodePeak = Math.max(tally.nodePeak, Math.min(1, used));
    this.#nodeBacklog = Math.max(0, this.#nodeBacklog + offered * this.#nodeAdmits - perSecond);
    tally.overloadCalls += calls * (1 - this.#nodeAdmits);
    this.#offer(sending);
    const records = sending.reduce((sum, seller) => sum + seller.sent, 0) * this.#nodeAdmits;
    const touched = shardsTouched(plant, customersPerCall);
    for (const [index, shard] of this.#shards.entries()) {
      const capacity = plant.vcpusPerShard * 1e6 * shard.cpuShare;
      const share = records === 0 ? 0 : shard.offered / records;
      const repeated = 1 + assumed("repeats");
      const work = shardMicros(
        plant,
        calls * this.#nodeAdmits * share * repeated,
        shard.offered * repeated,
        customersPerCall,
      );
      const space = capacity * (1 + assumed("laneSeconds")) - shard.backlog;
      shard.admits = shard.isDown ? 0 : work === 0 ? 1 : Math.max(0, Math.min(1, space / work));
      const waitMs = (shard.backlog / capacity) * 1_000;
      const load = shard.backlog + work * shard.admits;
      shard.backlog = shard.isDown ? 0 : Math.max(0, load - capacity);
      tally.shard(index, shard.isDown ? 0 : Math.min(1, load / capacity), now);
      const queueMs = queueing(plant.postgres.transaction / plant.vcpusPerShard, load / capacity) / 1_000;
      // On average half a group goes before.
      tally.wait(this.#nodeWaitMs + waitMs + queueMs + 1.5 * plant.groupMs, shard.offered * shard.admits);
      // Who has one record for a shard that is away waits for the whole call.
      if (shard.isDown) tally.wait(assumed("laneSeconds") * 1_000, shard.offered * touched);
    }
  }

  #offer(sending: readonly Seller[]): void {
    const { distribution, shards } = this.#run.plant;
    const all = sending.reduce((sum, { sent }) => sum + sent, 0) * this.#nodeAdmits;
    for (const [index, shard] of this.#shards.entries()) {
      shard.offered = distribution === "account" ? all * (this.#weights[index] ?? 0) : 0;
    }
    if (distribution === "account") return;
    for (const seller of sending) {
      const key = distribution === "product" ? seller.id : Math.floor(seller.oldest() / hourSeconds);
      const shard = this.#shards[place(key + 1, shards)];
      if (shard !== undefined) shard.offered += seller.sent * this.#nodeAdmits;
    }
  }

  #settle(seller: Seller, now: number): void {
    const tally = this.#tally;
    const share = this.#isLost ? 0 : this.#nodeAdmits * this.#shareStored(seller);
    const stored = Math.min(seller.sent, rounded(seller.sent * share, this.#random));
    const unanswered = rounded(stored * this.#unanswered, this.#random);
    const refused = seller.sent - stored;
    tally.again += refused + unanswered;
    const { isNew, oldest } = seller.settle({ stored, unanswered, now, random: this.#random });
    tally.stored += isNew;
    tally.acknowledged += stored - unanswered;
    if (stored > unanswered) tally.oldest = Math.max(tally.oldest, now - oldest);
  }

  #shareStored(seller: Seller): number {
    const { distribution, shards } = this.#run.plant;
    if (distribution === "account") return this.#accountShare;
    const key = distribution === "product" ? seller.id : Math.floor(seller.oldest() / hourSeconds);
    return this.#shards[place(key + 1, shards)]?.admits ?? 0;
  }

  #faults(now: number): void {
    for (const fault of this.#run.faults ?? []) {
      const begins = now === fault.at;
      if (!begins && now !== fault.at + fault.seconds) continue;
      if (fault.kind === "region-lost") this.#isLost = begins;
      else if (fault.kind === "node-dies") {
        // Half of what the node had in flight was stored, and nobody was told.
        if (begins) this.#unanswered = 0.5 / this.#nodesLeft;
        this.#nodesLeft += begins ? -1 : 1;
      } else this.#shardFault(fault, begins);
    }
  }

  #shardFault(fault: Extract<Fault, { readonly shard: number }>, begins: boolean): void {
    const shard = this.#shards[fault.shard];
    if (shard === undefined) throw new Error(`there is no shard ${fault.shard}`);
    if (fault.kind === "slow") {
      shard.cpuShare = begins ? fault.share : 1;
      return;
    }
    shard.isDown = begins;
    // What the standby that takes over does not have.
    if (begins) this.#tally.stored -= Math.round(shard.storedRate * (this.#run.standbyLag ?? 0));
  }
}

/** What one waits for others within a second that is not full: of a queue with random arrivals. `micros` is one's own time. */
function queueing(micros: number, used: number): number {
  const busy = Math.min(used, 0.98);
  return (micros * busy) / (1 - busy);
}

/** The largest customers one by one, the many small ones evenly. */
function accountWeights(shards: number): readonly number[] {
  const exponent = assumed("customerExponent");
  const all = assumed("customers") ** (1 - exponent) / (1 - exponent);
  const head = zipf(headCustomers, exponent);
  const headShare = Math.min(1, headCustomers ** (1 - exponent) / (1 - exponent) / all);
  const weights = Array.from({ length: shards }, () => (1 - headShare) / shards);
  for (const [index, share] of head.entries()) {
    const shard = place(index + 1, shards);
    weights[shard] = (weights[shard] ?? 0) + share * headShare;
  }
  return weights;
}
