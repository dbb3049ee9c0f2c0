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
