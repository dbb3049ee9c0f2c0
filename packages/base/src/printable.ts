/**
 * Text from outside (a package's fields, names of files, what scripts say) as a terminal may get it: control
 * characters, which could move the cursor, rename the window or hide what stands before, as `\x1b`. Lines and tabs
 * stay.
 */
export function printable(text: string): string {
  return CONTROL.test(text)
    ? text.replace(EACH_CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`)
    : text;
}

/**
 * C0 but for tab and newline, DEL, and C1, which some terminals take for `ESC [` and the like. Source: ECMA-48 §5.2,
 * §5.3.
 */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const EACH_CONTROL = new RegExp(CONTROL, "g");

/** Control sequences, strings and other escape sequences. Source: ECMA-48 §5.3 to §5.6. */
const SEQUENCES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])/g;

/**
 * What was written to a terminal, as a file would have it: without what only a terminal understands; of a line that was
 * written anew, what it was in the end.
 */
export function plainText(text: string): string {
  return text
    .replace(SEQUENCES, "")
    .replace(/\r+\n/g, "\n")
    .replace(/[^\n]*\r(?=[^\n])/g, "")
    .replace(/[^\P{Cc}\n\t]/gu, "");
}
