/** What a terminal sends for a text that is typed with Ctrl or Alt, which keyboards on a screen do not have. */

export interface Modifiers {
  readonly control: boolean;
  readonly alt: boolean;
}

/** As xterm sends them: CSI 1 ; modifiers letter. */
const ARROW = /^\x1b[[O]([A-DFH])$/;
const CONTROL_PARAMETER = 4,
  ALT_PARAMETER = 2;

/** Words, as a keyboard that completes them sends, are as they were: nobody could say which letter is meant. */
export function modifiedText(text: string, { control, alt }: Modifiers): string {
  if (!control && !alt) return text;
  const arrow = ARROW.exec(text);
  if (arrow !== null) return `\x1b[1;${1 + (control ? CONTROL_PARAMETER : 0) + (alt ? ALT_PARAMETER : 0)}${arrow[1]!}`;
  if ([...text].length !== 1) return text;
  const typed = control ? controlOf(text) : text;
  return alt ? `\x1b${typed}` : typed;
}

/** ECMA-48's C0, as terminals have them on keys; what has none is as it was. */
function controlOf(character: string): string {
  if (character === " ") return "\0";
  if (character === "?") return "\x7f";
  const code = character.toUpperCase().charCodeAt(0);
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : character;
}
