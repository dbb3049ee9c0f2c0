/**
 * The completion script of bash, which zsh runs as well (bashcompinit). `_stratos_at` tells of a command what
 * `_stratos` needs, as words: `valued` has `--image=image`, or `--net=:none,host` where there are choices.
 * No variable is named `path` or `commands`: these are zsh's own.
 */
import type { CompletionPlace, ValueKind } from "./completion-places.ts";

export function bashCompletion(places: readonly CompletionPlace[]): string {
  return `${bashPlaces(places)}
_stratos_words() {
  local word
  for word in $(compgen -W "$1" -- "$current"); do COMPREPLY+=("$word"); done
}
_stratos_files() {
  local line
  while IFS= read -r line; do
    compopt -o filenames 2>/dev/null
    COMPREPLY+=("$line")
  done < <(compgen "$1" -- "$current")
}
_stratos_value() {
  local each
  for each in $valued; do
    if [[ $each == "$1="* ]]; then kind=\${each#*=}; return 0; fi
  done
  return 1
}
_stratos() {
  local place="" word="" joined="" option="" kind="" prefix="" index position=0 program=0 glued=0 each
  local current=\${COMP_WORDS[COMP_CWORD]} verbs flags valued operands hasProgram
  COMPREPLY=()
  _stratos_at ""
  for ((index = 1; index <= COMP_CWORD; index++)); do
    # bash makes words of the colons and equal signs in HOST:GUEST and --option=value.
    if ((index > 1)) && { ((glued)) || [[ \${COMP_WORDS[index]} == [:=]* ]]; }; then
      joined=$joined\${COMP_WORDS[index]}
    else
      joined=\${COMP_WORDS[index]}
    fi
    if [[ \${COMP_WORDS[index]} == [:=] ]]; then glued=1; else glued=0; fi
    if ((index == COMP_CWORD)); then break; fi
    if ((glued)) || [[ \${COMP_WORDS[index+1]} == [:=]* ]]; then continue; fi
    word=$joined
    if [[ -n $option && $word != -* ]]; then option=""; continue; fi
    option=""
    if ((program == 0)) && [[ $word == -* ]]; then
      if [[ $word == -- ]]; then program=1; if ((hasProgram)); then return; fi; continue; fi
      if [[ $word != *=* ]] && _stratos_value "$word"; then option=$word; fi
      continue
    fi
    if ((position == 0)) && _stratos_at "\${place:+$place }$word"; then
      place="\${place:+$place }$word"
    else
      position=$((position + 1))
      if ((hasProgram)); then program=1; fi
    fi
  done
  if [[ $joined == --*=* && -z $option && $program == 0 ]]; then
    option=\${joined%%=*}
    if [[ $current == "$joined" ]]; then prefix=$option=; current=\${current#*=}; fi
  fi
  if ((glued)); then current=""; fi
  if [[ -n $option && ( $current != -* || -n $prefix ) ]]; then
    _stratos_value "$option" || return
  elif ((program == 0)) && [[ $current == -* ]]; then
    _stratos_words "$flags"
    return
  elif [[ -n $verbs && $position == 0 ]]; then
    _stratos_words "$verbs"
    return
  else
    index=0
    for each in $operands; do
      kind=$each
      if ((index == position)); then break; fi
      index=$((index + 1))
    done
  fi
  # Behind the colon of HOST:GUEST and NAME:PATH is a path of the guest.
  if [[ $joined == *:* && $joined != "$current" ]]; then return; fi
  case "$kind" in
    image) _stratos_words "$(stratos image ls --names 2>/dev/null)";;
    system) _stratos_words "$(stratos ps -a --names 2>/dev/null)";;
    file) _stratos_files -f;;
    folder) _stratos_files -d;;
    copy)
      for word in $(compgen -W "$(stratos ps -a --names 2>/dev/null)" -- "$current"); do COMPREPLY+=("$word:"); done
      if ((\${#COMPREPLY[@]})); then compopt -o nospace 2>/dev/null; fi
      _stratos_files -f;;
    :*) kind=\${kind#:}; _stratos_words "\${kind//,/ }";;
  esac
  if [[ -n $prefix ]]; then COMPREPLY=("\${COMPREPLY[@]/#/$prefix}"); fi
}
complete -o bashdefault -F _stratos stratos
`;
}

function bashPlaces(places: readonly CompletionPlace[]): string {
  const cases = places.map((place) => {
    const names = [place.path, ...place.aliases].map((path) => `"${path}"`).join("|");
    const commands = [...place.commands.map(({ name }) => name), ...(place.path === "" ? ["help"] : [])];
    const valued = place.options.flatMap(({ names, value }) =>
      value === null ? [] : names.map((name) => `${name}=${bashKind(value)}`),
    );
    const kinds = [...place.arguments.map(bashKind), ...(place.isVariadic ? [] : ["-"])];
    return (
      `    ${names}) verbs="${commands.join(" ")}" hasProgram=${place.hasProgram ? 1 : 0}\n` +
      `      flags="${place.options.flatMap((option) => option.names).join(" ")}"\n` +
      `      valued="${valued.join(" ")}" operands="${kinds.join(" ")}";;`
    );
  });
  return `_stratos_at() {\n  case "$1" in\n${cases.join("\n")}\n    *) return 1;;\n  esac\n}`;
}

function bashKind(kind: ValueKind): string {
  if (typeof kind !== "string") return `:${kind.join(",")}`;
  return kind === "none" ? "-" : kind;
}
