export { EXIT_SIGNAL_BASE, EXIT_STRATOS_FAILED } from "@stratos/session/exit-status";

/** What Stratos' own exit statuses mean; a guest program's status passes through unchanged. */
export const EXIT_SUCCESS = 0;
/** An error that the message explains. */
export const EXIT_FAILURE = 1;
/** The command line makes no sense. */
export const EXIT_USAGE = 2;
/** The program was found but could not be executed. */
export const EXIT_NOT_EXECUTABLE = 126;
/** The program was not found. */
export const EXIT_NOT_FOUND = 127;
