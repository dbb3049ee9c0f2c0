/**
 * Whoever may end the process in the midst of work (a command at Ctrl-C) does `undo` first. @returns takes that back:
 * the work is done, or has undone itself
 */
export type Guard = (undo: () => void) => () => void;

/**
 * Whoever may stop work in its midst calls `stop`; the work leaves all as it was, and fails with that reason. @returns
 * takes that back: it is too late
 */
export type Stopper = (stop: (why: Error) => void) => () => void;
