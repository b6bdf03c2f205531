/** Tags and allocations of one usage record (B-70 to B-78). */
import { ServiceError } from "../api/errors.ts";
import { tagKeysPerRecordMax, tagsPerAllocationMax } from "../api/limits.ts";
import { tagPattern, tagPatternText } from "../api/shapes.ts";
import type { Revision, UsageAllocation } from "../api/types.ts";

function badTag(where: string, why: string): ServiceError {
  return new ServiceError("InvalidTagException", `The tag is not valid (${where}): ${why}`);
}

/** Of a record of a batch, or, for an empty `where`, of the request itself. */
function allocationsOf(where: string): string {
  return where === "" ? "UsageAllocations" : `${where}.UsageAllocations`;
}

function requireText(text: unknown, member: "Key" | "Value", max: number, where: string): void {
  // B-76: the model requires a value of at least one character, whatever the prose says.
  if (typeof text !== "string" || text === "") {
    throw badTag(where, `${member} is ${text === "" ? "empty" : "missing"}; 1 to ${max} characters are required.`);
  }
  if (text.length > max) throw badTag(where, `${member} has ${text.length} characters; at most ${max} are allowed.`);
  if (!tagPattern.test(text)) {
    const odd = [...text].find((character) => !tagPattern.test(character));
    throw badTag(
      where,
      `${member} '${text}' has the character '${odd}'; letters without accents, digits, spaces and most ASCII punctuation are allowed (${tagPatternText}).`,
    );
  }
}

/** Throws InvalidTagException (B-72, B-73, B-75, B-76). */
export function requireTags(allocations: readonly UsageAllocation[], where: string): void {
  const keysOfRecord = new Set<string>();
  for (let index = 0; index < allocations.length; index += 1) {
    const tags = allocations[index]?.Tags;
    if (tags === undefined) continue;
    const here = `${allocationsOf(where)}[${index}].Tags`;
    if (tags.length > tagsPerAllocationMax) {
      throw badTag(here, `${tags.length} tags; at most ${tagsPerAllocationMax} are allowed on one allocation.`);
    }
    const keys = new Set<string>();
    for (let position = 0; position < tags.length; position += 1) {
      const tag = tags[position];
      requireText(tag?.Key, "Key", 100, `${here}[${position}]`);
      requireText(tag?.Value, "Value", 256, `${here}[${position}]`);
      const key = tag?.Key ?? "";
      if (keys.has(key)) throw badTag(`${here}[${position}]`, `Key '${key}' is there twice; each key may appear once.`);
      keys.add(key);
      keysOfRecord.add(key);
    }
  }
  if (keysOfRecord.size > tagKeysPerRecordMax) {
    throw badTag(
      allocationsOf(where),
      `${keysOfRecord.size} different keys over all allocations; at most ${tagKeysPerRecordMax} are allowed. Use the same few keys in all of them.`,
    );
  }
}

/**
 * One text per tag set, whatever the order of its tags (B-71). JSON keeps keys and values apart, and is sorted as text:
 * pairs would be compared joined by commas, which tags may hold too.
 */
function tagSetKey(allocation: UsageAllocation): string {
  if (allocation.Tags === undefined) return "";
  return allocation.Tags.map((tag) => JSON.stringify([tag.Key, tag.Value]))
    .sort()
    .join();
}

/** Throws InvalidUsageAllocationsException (B-70, B-71, B-77 in revision 2021). */
export function requireAllocations(
  allocations: readonly UsageAllocation[],
  quantity: number,
  revision: Revision,
  where: string,
): void {
  const here = allocationsOf(where);
  if (revision === "2021" && allocations.length > 500) {
    throw new ServiceError(
      "InvalidUsageAllocationsException",
      `The usage allocations are not valid (${here}): ${allocations.length} entries; at most 500 are allowed.`,
    );
  }
  const seen = new Map<string, number>();
  let sum = 0;
  for (let index = 0; index < allocations.length; index += 1) {
    const allocation = allocations[index];
    if (allocation === undefined) continue;
    sum += allocation.AllocatedUsageQuantity;
    const key = tagSetKey(allocation);
    const first = seen.get(key);
    if (first !== undefined) {
      throw new ServiceError(
        "InvalidUsageAllocationsException",
        `The usage allocations are not valid (${here}): entries ${first} and ${index} have ${
          key === "" ? "no tags, which one entry at most may have" : "the same tags"
        }; add their quantities up into one entry.`,
      );
    }
    seen.set(key, index);
  }
  if (sum !== quantity) {
    throw new ServiceError(
      "InvalidUsageAllocationsException",
      `The usage allocations are not valid (${here}): the allocated quantities add up to ${sum}, but the quantity of the usage record is ${quantity}; make them equal.`,
    );
  }
}
