/**
 * Whoever may end the process in the midst of work (a command at Ctrl-C) does `undo` first. @returns takes that back:
 * the work is done, or has undone itself
 */
export type Guard = (undo: () => void) => () => void;
