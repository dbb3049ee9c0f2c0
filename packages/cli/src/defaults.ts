/** What holds when neither the command line nor the configuration says otherwise. */

/** The image of `stratos` and `stratos run`; built when it is first needed. */
export const DEFAULT_IMAGE = "debian";
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

/** The host commits memory as it is touched, so a generous size costs little. */
export const DEFAULT_MEMORY = 2 * 1024 ** 3;
export const MACHINE_MEMORY_MIN = 64 * 1024 ** 2;
