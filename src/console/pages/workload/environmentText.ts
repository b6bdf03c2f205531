/** Environment variables, as shells and container engines take them. */
export interface EnvironmentView {
  readonly variables: Readonly<Record<string, string>>;
  /** EKS: the content of the file that AWS_WEB_IDENTITY_TOKEN_FILE names. */
  readonly webIdentityToken?: string;
}

export const forms = [
  { id: "shell", text: "Shell" },
  { id: "env-file", text: "Env file" },
  { id: "docker", text: "Docker" },
  { id: "kubernetes", text: "Kubernetes" },
] as const;

export type EnvironmentForm = (typeof forms)[number]["id"];

export function isForm(text: string): text is EnvironmentForm {
  return forms.some(({ id }) => id === text);
}

export function textOf({ variables }: EnvironmentView, form: EnvironmentForm, name: string): string {
  const all = Object.entries(variables);
  switch (form) {
    case "shell":
      return all.map(([key, value]) => `export ${key}=${quoted(value)}`).join("\n");
    case "env-file":
      // Docker takes the rest of the line as it is.
      return all.map(([key, value]) => `${key}=${value}`).join("\n");
    case "docker":
      return [
        "docker run --rm --network host",
        ...all.map(([key, value]) => `  -e ${key}=${quoted(value)}`),
        "  IMAGE",
      ].join(" \\\n");
    case "kubernetes":
      return [
        `# In the pod's spec.containers[], for ${name}`,
        "env:",
        ...all.flatMap(([key, value]) => [`  - name: ${key}`, `    value: ${JSON.stringify(value)}`]),
      ].join("\n");
  }
}

/** For POSIX shells. */
function quoted(value: string): string {
  return /^[\w./:@%+=,-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
