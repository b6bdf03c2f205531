import type { Command, Option } from "commander";
import { addLocalLeaf, addNoun } from "./command.ts";
import { type CliContext, write } from "./context.ts";

/** What can stand at one place of the command line. */
export interface Place {
  /** Without the program: "", "product", "product list". */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly OptionWords[];
  /** An argument of this command is a file. */
  readonly takesFile: boolean;
}

interface Word {
  readonly word: string;
  readonly about: string;
}

interface OptionWords {
  readonly words: readonly string[];
  readonly about: string;
  /** What follows it. */
  readonly value: "none" | "text" | "file" | "folder" | readonly string[];
}

export function registerCompletion(program: Command, context: CliContext): void {
  const completion = addNoun(program, "completion", "completion scripts for shells");
  for (const [shell, script, where] of [
    ["bash", bashScript, "completion bash > ~/.local/share/bash-completion/completions/meterhouse"],
    ["zsh", zshScript, "completion zsh > ~/.zfunc/_meterhouse"],
    ["fish", fishScript, "completion fish > ~/.config/fish/completions/meterhouse.fish"],
  ] as const) {
    addLocalLeaf(completion, { name: shell, description: `print the script for ${shell}`, examples: [where] }, () =>
      write(context.stdout, script(placesOf(program))),
    );
  }
}

export function placesOf(command: Command, path: readonly string[] = []): readonly Place[] {
  const commands = command.commands.map((one) => ({ word: one.name(), about: firstLine(one.description()) }));
  const options = command.options.filter((one) => !one.hidden).map(optionWords);
  const help = { words: ["--help"], about: "help", value: "none" } as const;
  const takesFile = command.registeredArguments.some((one) => one.name() === "file");
  const own = { path: path.join(" "), commands, options: [...options, help], takesFile };
  return [own, ...command.commands.flatMap((one) => placesOf(one, [...path, one.name()]))];
}

function optionWords(option: Option): OptionWords {
  const words = [option.short, option.long].filter((word) => word !== undefined);
  return { words, about: firstLine(option.description), value: takenBy(option) };
}

function takenBy(option: Option): OptionWords["value"] {
  if (!option.required && !option.optional) return "none";
  if (option.argChoices !== undefined) return option.argChoices;
  if (/<file(?:\.\.\.)?>$/.test(option.flags)) return "file";
  return option.flags.endsWith("<dir>") ? "folder" : "text";
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}

/** Where the words typed so far have led, in each shell the same way: a word that goes on from the path belongs to it. */
const head = "# Completion of meterhouse; made by `meterhouse completion`.";

function bashScript(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const values = places.flatMap(({ path, options }) =>
    options.flatMap(({ words, value }) =>
      value === "none" ? [] : [`      ${words.map((word) => `"${path} ${word}"`).join("|")}) ${bashValue(value)} ;;`],
    ),
  );
  const words = places.map(({ path, commands, options, takesFile }) => {
    const known = [...commands.map(({ word }) => word), ...options.flatMap((one) => one.words)].join(" ");
    const files = takesFile ? "; files=1" : "";
    return `      "${path}") words="${known}"${files} ;;`;
  });
  return `${head}
_meterhouse() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" files="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $prev" in
${values.join("\n")}
    *) case "$path" in
${words.join("\n")}
      esac ;;
  esac
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$cur")
  if [ -n "$files" ]; then
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
  fi
}
complete -o filenames -F _meterhouse meterhouse
`;
}

function bashValue(value: OptionWords["value"]): string {
  if (value === "file" || value === "folder") return "files=1";
  return value === "text" || value === "none" ? ":" : `words="${value.join(" ")}"`;
}

function zshScript(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const values = places.flatMap(({ path, options }) =>
    options.flatMap(({ words, value }) =>
      value === "none"
        ? []
        : [`    ${words.map((word) => `"${path} ${word}"`).join("|")}) ${zshValue(value)}; return ;;`],
    ),
  );
  const words = places.map(({ path, commands, options, takesFile }) => {
    const known = [
      ...commands.map(({ word, about }) => zshWord(word, about)),
      ...options.flatMap((one) => one.words.map((word) => zshWord(word, one.about))),
    ];
    return `    "${path}") candidates=(${known.join(" ")})${takesFile ? "; _files" : ""} ;;`;
  });
  return `#compdef meterhouse
${head}
_meterhouse() {
  local path_="" word
  local -a typed candidates
  typed=("\${(@)words[2,CURRENT-1]}")
  local previous="\${typed[-1]}"
  for word in "\${(@)typed}"; do
    case "\${path_:+$path_ }$word" in
      ${paths.join("|")}) path_="\${path_:+$path_ }$word" ;;
    esac
  done
  case "$path_ $previous" in
${values.join("\n")}
  esac
  case "$path_" in
${words.join("\n")}
  esac
  _describe 'meterhouse' candidates
}
compdef _meterhouse meterhouse
`;
}

function zshWord(word: string, about: string): string {
  return `'${`${word.replaceAll(":", "\\:")}:${about}`.replaceAll("'", "'\\''")}'`;
}

function zshValue(value: OptionWords["value"]): string {
  if (value === "file") return "_files";
  if (value === "folder") return "_files -/";
  return value === "text" || value === "none" ? "_message value" : `compadd -- ${value.join(" ")}`;
}

function fishScript(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => `'${path}'`);
  const lines = places.flatMap(({ path, commands, options, takesFile }) => {
    const when = `-n '__meterhouse_at "${path}"'`;
    return [
      ...commands.map(({ word, about }) => `complete -c meterhouse ${when} -f -a ${word} -d ${fishText(about)}`),
      ...options.map((one) => `complete -c meterhouse ${when} ${fishOption(one)} -d ${fishText(one.about)}`),
      ...(takesFile ? [`complete -c meterhouse ${when} -F`] : []),
    ];
  });
  return `${head}
function __meterhouse_at
    set -l path ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$path $word")
        if contains -- "$next" ${paths.join(" ")}
            set path "$next"
        end
    end
    test "$path" = "$argv[1]"
end
complete -c meterhouse -f
${lines.join("\n")}
`;
}

function fishOption({ words, value }: OptionWords): string {
  const names = words.map((word) => (word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`)).join(" ");
  if (value === "none") return names;
  if (value === "file" || value === "folder") return `${names} -rF`;
  return value === "text" ? `${names} -x` : `${names} -x -a '${value.join(" ")}'`;
}

function fishText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
