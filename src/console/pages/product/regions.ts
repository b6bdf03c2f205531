/** Regions as choices: AWS's commercial ones, and those of the other partitions, by partition. */
import { partitions } from "../../../api/regions.ts";

const partitionNames: Readonly<Record<string, string>> = {
  aws: "AWS",
  "aws-cn": "AWS in China",
  "aws-us-gov": "AWS GovCloud (US)",
  "aws-eusc": "AWS European Sovereign Cloud",
};

/** Groups of a Select or Multiselect. */
export const regionOptions = Object.entries(partitionNames).map(([partition, label]) => ({
  label,
  options: (partitions[partition]?.regions ?? []).map((region) => ({ label: region, value: region })),
}));
