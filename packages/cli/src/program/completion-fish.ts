/**
 * The completion script of fish. `__stratos_parse` finds once for each command line which command it names and how many
 * arguments that has; the conditions of all completions compare with it.
 */
import type { CompletionPlace, ValueKind } from "./completion-places.ts";

export function fishCompletion(places: readonly CompletionPlace[]): string {
  const names = places.flatMap((place) => [place.path, ...place.aliases].map((name) => ({ name, place })));
  const programs = places.filter((place) => place.hasProgram);
  const lines = [
    "complete -c stratos -e",
    "complete -c stratos -f",
    "function __stratos_command",
    '  switch "$argv"',
    ...names.filter(({ name }) => name !== "").map(({ name, place }) => `    case '${name}'; echo '${place.path}'`),
    "  end",
    "end",
    "function __stratos_valued",
    '  switch "$argv[1]"',
    ...places.flatMap((place) => {
      const valued = place.options.flatMap((option) => (option.value === null ? [] : option.names));
      return valued.length === 0 ? [] : [`    case '${place.path}'; contains -- $argv[2] ${valued.join(" ")}`];
    }),
    "    case '*'; false",
    "  end",
    "end",
    "function __stratos_parse",
    "  set -l tokens (commandline -opc)",
    '  test "$tokens" = "$__stratos_tokens"; and return',
    "  set -g __stratos_tokens $tokens",
    "  set -g __stratos_path ''",
    "  set -g __stratos_position 0",
    "  set -g __stratos_program 0",
    "  set -l option 0",
    "  for token in $tokens[2..-1]",
    "    if test $option = 1; and not string match -q -- '-*' $token",
    "      set option 0",
    "      continue",
    "    end",
    "    set option 0",
    "    if test $__stratos_program = 0; and string match -q -- '-*' $token",
    "      if test \"$token\" = '--'",
    "        set -g __stratos_program 1",
    '      else if __stratos_valued "$__stratos_path" $token',
    "        set option 1",
    "      end",
    "      continue",
    "    end",
    `    set -l command (__stratos_command (string trim -- "$__stratos_path $token"))`,
    '    if test $__stratos_position = 0; and test -n "$command"',
    "      set -g __stratos_path $command",
    "      continue",
    "    end",
    "    set -g __stratos_position (math $__stratos_position + 1)",
    `    contains -- "$__stratos_path" ${programs.map(({ path }) => `'${path}'`).join(" ")}; ` +
      "and set -g __stratos_program 1",
    "  end",
    "end",
    "function __stratos_options",
    "  __stratos_parse",
    '  test "$__stratos_path" = "$argv"; and test $__stratos_program = 0',
    "end",
    "function __stratos_argument",
    "  __stratos_parse",
    '  test "$__stratos_path" = "$argv[1]"; and test $__stratos_position $argv[2] $argv[3]',
    "end",
  ];
  for (const place of places) {
    const options = `complete -c stratos -n "__stratos_options '${place.path}'"`;
    const argumentAt = (index: number, compare: "-eq" | "-ge"): string =>
      `complete -c stratos -n "__stratos_argument '${place.path}' ${compare} ${index}"`;
    for (const { name, description } of place.commands)
      lines.push(`${argumentAt(0, "-eq")} -a ${name} -d ${fishQuote(description.split(/[.:]/)[0]!)}`);
    if (place.path === "") lines.push(`${argumentAt(0, "-eq")} -a help -d 'Shows the help of a command'`);
    for (const { names: given, description, value } of place.options) {
      const flags = given.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
      const parts = [options, ...flags, ...(value === null ? [] : [fishOptionValues(value)])];
      lines.push(`${parts.join(" ")} -d ${fishQuote(description)}`);
    }
    place.arguments.forEach((kind, index) => {
      const isLast = index === place.arguments.length - 1;
      const values = fishValues(kind);
      if (values !== "") lines.push(`${argumentAt(index, isLast && place.isVariadic ? "-ge" : "-eq")} ${values}`);
    });
  }
  return `${lines.join("\n")}\n`;
}

/** `-x`: the option has a value, and no file is one. */
function fishOptionValues(kind: ValueKind): string {
  return kind === "file" ? "-r -F" : `-x ${fishValues(kind)}`.trimEnd();
}

function fishValues(kind: ValueKind): string {
  switch (kind) {
    case "image":
      return "-a '(stratos image ls --names 2>/dev/null)'";
    case "system":
      return "-a '(stratos ps -a --names 2>/dev/null)'";
    case "copy":
      return "-F -a '(stratos ps -a --names 2>/dev/null | string replace -r \\$ :)'";
    case "file":
      return "-F";
    case "folder":
      return "-a '(__fish_complete_directories (commandline -ct))'";
    case "none":
      return "";
    default:
      return `-a '${kind.join(" ")}'`;
  }
}

function fishQuote(text: string): string {
  return `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
}
