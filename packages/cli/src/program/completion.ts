/**
 * Completion scripts for bash, zsh and fish, derived from the command tree. Names of images and systems are completed
 * by asking `stratos image ls` and `stratos ps`.
 */
import type { Command, Option } from "commander";
import { allCommands, optionValueName, shownOptions, type CommandPlace } from "./command-tree.ts";

export const COMPLETION_SHELLS = ["bash", "zsh", "fish"] as const;
type CompletionShell = (typeof COMPLETION_SHELLS)[number];

export function completionScript(program: Command, shell: CompletionShell): string {
  const places = allCommands(program);
  switch (shell) {
    case "bash":
      return bash(places);
    case "zsh":
      return `#compdef stratos\nautoload -U +X bashcompinit && bashcompinit\n${bash(places)}`;
    case "fish":
      return fish(places);
  }
}

/** What completes the value of an option, or an argument. */
type ValueKind = "image" | "system" | "file" | "folder" | "none" | readonly string[];

function optionKind(option: Option): ValueKind {
  if (option.argChoices !== undefined) return option.argChoices;
  switch (option.long) {
    case "--image":
      return "image";
    case "--output":
      return "file";
    case "--config":
    case "--keyring":
    case "--file":
      return "file";
    case "--volume":
    case "--root":
      return "folder";
    default:
      return "none";
  }
}

function argumentKind(place: CommandPlace): ValueKind {
  const [first] = place.command.registeredArguments;
  if (first?.argChoices !== undefined) return first.argChoices;
  const path = place.path.join(" ");
  if (path === "image rm" || path === "image export" || path === "image web") return "image";
  if (path === "image import" || path === "resume" || path === "cp") return "file";
  if (first?.name() === "name" && place.path.length === 1) return "system";
  if (path === "man") return ["run", "trace", "image", "fs", "completion"];
  return "none";
}

function bash(places: readonly CommandPlace[]): string {
  const cases = places.map((place) => {
    const flags = shownOptions(place.command)
      .flatMap((option) => [option.short, option.long])
      .filter((flag) => typeof flag === "string");
    const values = shownOptions(place.command).filter((option) => optionValueName(option) !== null);
    const valueCases = values.map((option) => {
      const names = [option.short, option.long].filter((flag) => typeof flag === "string").join("|");
      return `        ${names}) ${bashReply(optionKind(option))}; return;;`;
    });
    const children = place.command.commands.map((command) => command.name());
    const words = [...children, ...(children.length > 0 && place.path.length === 0 ? ["help"] : [])];
    return [
      `    "${place.path.join(" ")}")`,
      ...(valueCases.length === 0 ? [] : [`      case "$previous" in`, ...valueCases, "      esac"]),
      `      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "${flags.join(" ")}" -- "$current")); return; fi`,
      `      ${words.length > 0 ? bashReply(words) : bashReply(argumentKind(place))};;`,
    ].join("\n");
  });
  const paths = places
    .filter((place) => place.path.length > 0)
    .map((place) => `"${place.path.join(" ")}"`)
    .join("|");
  const valued = [
    ...new Set(
      places
        .flatMap((place) => shownOptions(place.command))
        .filter((option) => optionValueName(option) !== null)
        .flatMap((option) => [option.short, option.long]),
    ),
  ].filter((flag) => typeof flag === "string");
  return `_stratos() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path="" word index skip=0
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if ((skip)); then skip=0; continue; fi
    case "$word" in
      ${valued.join("|")}) skip=1; continue;;
      -*) continue;;
    esac
    case "\${path:+$path }$word" in
      ${paths}) path="\${path:+$path }$word";;
      *) break;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
}
complete -o bashdefault -F _stratos stratos
`;
}

function bashReply(kind: ValueKind): string {
  switch (kind) {
    case "image":
      return `COMPREPLY=($(compgen -W "$(stratos image ls --names 2>/dev/null)" -- "$current"))`;
    case "system":
      return `COMPREPLY=($(compgen -W "$(stratos ps -a --names 2>/dev/null)" -- "$current"))`;
    case "file":
      return `COMPREPLY=($(compgen -f -- "$current"))`;
    case "folder":
      return `COMPREPLY=($(compgen -d -- "$current"))`;
    case "none":
      return "COMPREPLY=()";
    default:
      return `COMPREPLY=($(compgen -W "${kind.join(" ")}" -- "$current"))`;
  }
}

function fish(places: readonly CommandPlace[]): string {
  const lines = [
    "complete -c stratos -f",
    "function __stratos_at",
    "  set -l words",
    "  for word in (commandline -opc)[2..-1]",
    "    string match -q -- '-*' $word; or set -a words $word",
    "  end",
    '  test "$words" = "$argv"',
    "end",
  ];
  for (const place of places) {
    const condition = `-n "__stratos_at ${place.path.join(" ")}"`.replace(' "__stratos_at "', " __stratos_at");
    for (const command of place.command.commands)
      lines.push(
        `complete -c stratos ${condition} -a ${command.name()} -d ` +
          `${fishQuote(command.description().split(/[.:]/)[0]!)}`,
      );
    for (const option of shownOptions(place.command)) {
      const parts = [`complete -c stratos ${condition}`];
      if (option.short) parts.push(`-s ${option.short.slice(1)}`);
      if (option.long) parts.push(`-l ${option.long.slice(2)}`);
      if (optionValueName(option) !== null) parts.push("-r", fishValues(optionKind(option)));
      lines.push(`${parts.filter((part) => part !== "").join(" ")} -d ${fishQuote(option.description)}`);
    }
    const values = fishValues(argumentKind(place));
    if (values !== "") lines.push(`complete -c stratos ${condition} ${values}`);
  }
  return `${lines.join("\n")}\n`;
}

function fishValues(kind: ValueKind): string {
  switch (kind) {
    case "image":
      return "-a '(stratos image ls --names 2>/dev/null)'";
    case "system":
      return "-a '(stratos ps -a --names 2>/dev/null)'";
    case "file":
      return "-F";
    case "folder":
      return "-a '(__fish_complete_directories)'";
    case "none":
      return "";
    default:
      return `-a '${kind.join(" ")}'`;
  }
}

function fishQuote(text: string): string {
  return `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
}
