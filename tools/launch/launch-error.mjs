/** A failure before Stratos itself runs; its message is `what: why`, for the user. */
export class LaunchError extends Error {}
