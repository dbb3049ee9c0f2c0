/** What images are when nothing else is said. */

/** The image of `stratos`, `stratos run` and a sandbox. */
export const DEFAULT_IMAGE = "debian";
/** The image that needs no packages (built-in-image.ts). */
export const ASTRA_IMAGE = "astra";
/** What a person at a shell expects beyond `minbase`. */
export const DEFAULT_PACKAGES: readonly string[] = [
  "python3",
  "procps",
  "less",
  "vim-tiny",
  "file",
  "ca-certificates",
  "curl",
  "git",
];
export const DEFAULT_SUITE = "trixie";
export const GUEST_ARCHITECTURE = "riscv64";

/** Memory of a machine; the host commits it as it is touched, so a generous size costs little. */
export const DEFAULT_MEMORY = 2 * 1024 ** 3;
