/**
 * From which version on each SDK's model of the Metering Service has the members that are newer than it: `LicenseArn` of
 * a usage record (2026-02-26) and `ClientToken` of MeterUsage (2025-10-21). An older SDK drops what it does not know,
 * without an error. Every row says where its versions were read. SDKs that are not here are not judged.
 */

export interface SdkModel {
  readonly name: string;
  /** What the user agent calls it; group 1 is the version that the model comes with. */
  readonly agent: RegExp;
  /** Versions below this one cannot send LicenseArn; `never`: no version can. */
  readonly licenseArnFrom: string;
  /** The same of ClientToken, where it was found out. */
  readonly clientTokenFrom?: string;
  readonly source: string;
}

/** The first row that matches counts: the AWS CLI and Boto3 name botocore, whose models they use, if they name it. */
export const sdkModels: readonly SdkModel[] = [
  {
    name: "AWS CLI 2",
    agent: /^aws-cli\/(2\.\d+\.\d+)/,
    licenseArnFrom: "2.33.31",
    clientTokenFrom: "2.31.19",
    source: "aws/aws-cli: .changes/2.33.31.json and .changes/2.31.19.json",
  },
  {
    name: "botocore",
    agent: /\bbotocore[/#](\d+\.\d+\.\d+)/i,
    licenseArnFrom: "1.42.58",
    clientTokenFrom: "1.40.56",
    source: "PyPI: the models inside the wheels of botocore 1.42.57 and 1.42.58, 1.40.55 and 1.40.56",
  },
  {
    name: "AWS CLI 1",
    agent: /^aws-cli\/(1\.\d+\.\d+)/,
    licenseArnFrom: "1.44.48",
    clientTokenFrom: "1.42.56",
    source: "PyPI: awscli 1.44.48 requires botocore 1.42.58, awscli 1.42.56 requires botocore 1.40.56",
  },
  {
    name: "AWS SDK for JavaScript 3",
    agent: /\baws-sdk-js\/(3\.\d+\.\d+)/,
    // 3.999.0 has it, by the release notes of aws/aws-sdk-js-v3; some releases give themselves the number before.
    licenseArnFrom: "3.998.0",
    source: "release notes of aws/aws-sdk-js-v3 3.999.0; npm: not in 3.985.0; 3.1138.0 sends aws-sdk-js/3.1137.0",
  },
  {
    name: "AWS SDK for JavaScript 2",
    agent: /\baws-sdk-(?:nodejs|js)\/(2\.\d+\.\d+)/,
    licenseArnFrom: "never",
    clientTokenFrom: "never",
    source: "npm: the model inside aws-sdk 2.1693.0, its last version",
  },
  {
    name: "AWS SDK for Go 2",
    agent: /\baws-sdk-go-v2\/.*\bapi\/marketplacemetering[/#](\d+\.\d+\.\d+)/,
    licenseArnFrom: "1.36.0",
    clientTokenFrom: "1.34.0",
    source: "CHANGELOG.md inside the module service/marketplacemetering 1.36.0",
  },
  {
    name: "AWS SDK for Go 1",
    agent: /\baws-sdk-go\/(1\.\d+\.\d+)/,
    licenseArnFrom: "never",
    clientTokenFrom: "never",
    source: "AWS's announcement: its support ended on 2025-07-31, before either member",
  },
  {
    name: "AWS SDK for Java 2",
    agent: /\baws-sdk-java\/(2\.\d+\.\d+)/,
    licenseArnFrom: "2.42.3",
    source: "CHANGELOG.md of aws/aws-sdk-java-v2: 2.42.3, 2026-02-26",
  },
  {
    name: "AWS SDK for Java 1",
    agent: /\baws-sdk-java\/(1\.\d+\.\d+)/,
    licenseArnFrom: "never",
    source: "AWS's announcement: its support ended on 2025-12-31, before LicenseArn",
  },
  {
    name: "AWS SDK for Ruby 3",
    agent: /\baws-sdk-ruby3\/.*\bapi\/marketplace_metering[/#](\d+\.\d+\.\d+)/,
    // A bound from below: the first version that has it was not found.
    licenseArnFrom: "1.87.0",
    clientTokenFrom: "1.87.0",
    source: "rubygems.org: aws-sdk-marketplacemetering 1.86.0 is of 2025-08-26, before either member",
  },
  {
    name: "AWS SDK for Rust",
    agent: /\baws-sdk-rust\/.*\bapi\/marketplacemetering[/#](\d+\.\d+\.\d+)/,
    licenseArnFrom: "1.99.0",
    clientTokenFrom: "1.89.0",
    source: "crates.io: aws-sdk-marketplacemetering 1.98.0 and 1.99.0, 1.88.0 and 1.89.0",
  },
  {
    name: "AWS SDK for Kotlin",
    agent: /\baws-sdk-kotlin\/(\d+\.\d+\.\d+)/,
    // A bound from below: the first version that has it was not found.
    licenseArnFrom: "1.4.73",
    clientTokenFrom: "1.4.73",
    source: "CHANGELOG.md of awslabs/aws-sdk-kotlin: 1.4.72 is of 2025-04-28, before either member",
  },
];

export interface SdkInUse {
  readonly model: SdkModel;
  readonly version: string;
}

/** undefined: no SDK that is known here. */
export function sdkOf(userAgent: string): SdkInUse | undefined {
  for (const model of sdkModels) {
    const version = model.agent.exec(userAgent)?.[1];
    if (version !== undefined) return { model, version };
  }
  return undefined;
}

/** Whether `version` comes before `from`, both of three numbers. */
export function isBefore(version: string, from: string): boolean {
  if (from === "never") return true;
  const [a, b] = [version.split(".").map(Number), from.split(".").map(Number)];
  for (const [index, part] of b.entries()) {
    const own = a[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}
