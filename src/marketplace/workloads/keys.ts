/**
 * The temporary keys of simulated compute. They are rows like all others, which the signature check finds; a workload's
 * endpoints hand out the current ones, and new ones in time before those expire, as AWS's do.
 */
import { randomInt } from "node:crypto";
import type { Credential, CredentialKind, Workload, WorkloadKind } from "../../api/types.ts";
import { newSecretAccessKey, newSessionToken } from "../../catalog/derive.ts";
import { defined } from "../../catalog/rows.ts";
import type { Catalog } from "../../store/catalog.ts";

export const keyLifeMsDefault = 3_600_000;
/** New keys are handed out when the old ones have less than this left. Clients begin to ask 5 minutes before the end. */
const renewBeforeMs = 15 * 60_000;
/** So long ended keys are kept: their holders read ExpiredTokenException and not a riddle (SPEC S-5). */
const keepEndedMs = 3_600_000;

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export const credentialKindOf: Readonly<Record<WorkloadKind, CredentialKind>> = {
  ecs: "ecs-task",
  fargate: "ecs-task",
  eks: "eks-irsa",
  ec2: "ec2",
  agentcore: "agentcore",
};

export class WorkloadStopped extends Error {}

export interface WorkloadKeysOptions {
  /** Not audited: keys come and go by themselves, and nobody did it. */
  readonly catalog: Catalog;
  readonly wallClock: () => number;
  readonly lifeMs: number;
}

export interface NewKey {
  readonly sessionName?: string;
  readonly lifeMs?: number;
}

export interface WorkloadKeys {
  /** The keys to hand out now. Throws WorkloadStopped. */
  current(workload: Workload): Promise<Credential>;
  /** Keys of their own, for one who asks for a session. Throws WorkloadStopped. */
  issue(workload: Workload, key?: NewKey): Promise<Credential>;
  /** All that there are of a workload, by their ids. */
  idsOf(workloadId: string): readonly string[];
}

export function createWorkloadKeys({ catalog, wallClock, lifeMs }: WorkloadKeysOptions): WorkloadKeys {
  const renewMs = Math.min(renewBeforeMs, lifeMs / 4);
  const currentIds = new Map<string, string>();
  const pending = new Map<string, Promise<Credential>>();

  const isRunning = (id: string): boolean => {
    const workload = catalog.workload(id);
    return workload !== undefined && workload.stoppedAt === undefined;
  };

  const endedIds = (now: number): readonly string[] =>
    catalog
      .all()
      .credentials.filter((row) => row.workloadId !== undefined && (row.expiresAt ?? now) < now - keepEndedMs)
      .map((row) => row.accessKeyId);

  const issue = async (workload: Workload, key: NewKey = {}): Promise<Credential> => {
    if (!isRunning(workload.id)) throw new WorkloadStopped(`The workload ${workload.id} is stopped.`);
    const now = wallClock();
    const { id, accountId, roleName, allow, resource, region, productCodes, launchedAt } = workload;
    const row: Credential = defined({
      accessKeyId: `ASIA${Array.from({ length: 16 }, () => base32.charAt(randomInt(32))).join("")}`,
      secretAccessKey: newSecretAccessKey(),
      sessionToken: newSessionToken(),
      kind: credentialKindOf[workload.kind],
      name: roleName,
      sessionName: key.sessionName,
      // Whole seconds, as the answers tell it: a client must not hold a key for longer than we do.
      expiresAt: Math.floor((now + (key.lifeMs ?? lifeMs)) / 1_000) * 1_000,
      createdAt: now,
      workloadId: id,
      ...{ accountId, allow, resource, region, productCodes, launchedAt },
    });
    await catalog.apply({ credentials: [row], remove: { credentials: endedIds(now) } });
    if (!isRunning(id)) {
      // Stopped while they were being written.
      await catalog.apply({ remove: { credentials: [row.accessKeyId] } });
      throw new WorkloadStopped(`The workload ${id} is stopped.`);
    }
    return row;
  };

  const isGood = (row: Credential | undefined, workload: Workload): row is Credential =>
    row?.workloadId === workload.id &&
    row.sessionName === undefined &&
    row.launchedAt === workload.launchedAt &&
    (row.expiresAt ?? 0) - wallClock() > renewMs;

  const renewed = async (workload: Workload): Promise<Credential> => {
    const kept = catalog.all().credentials.findLast((row) => isGood(row, workload));
    const row = kept ?? (await issue(workload));
    currentIds.set(workload.id, row.accessKeyId);
    return row;
  };

  return {
    issue,
    current: async (workload) => {
      if (!isRunning(workload.id)) throw new WorkloadStopped(`The workload ${workload.id} is stopped.`);
      const known = catalog.credential(currentIds.get(workload.id) ?? "");
      if (isGood(known, workload)) return known;
      // Many containers of one task may ask at once: they get the same keys.
      const waiting = pending.get(workload.id);
      if (waiting !== undefined) return waiting;
      const made = renewed(workload).finally(() => pending.delete(workload.id));
      pending.set(workload.id, made);
      return made;
    },
    idsOf: (workloadId) =>
      catalog
        .all()
        .credentials.filter((row) => row.workloadId === workloadId)
        .map((row) => row.accessKeyId),
  };
}
