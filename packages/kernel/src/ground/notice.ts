/**
 * What a program asked for and Stratos has in another form, or not yet. Programs tell such failures in words of their
 * own ("Operation not permitted"), so whoever runs the machine may add what a person can do about it.
 */
export type Notice =
  | "network" // an address beyond the machine, which has no network
  | "packets" // an echo request for an address beyond the machine, and the host has no way to send it
  | "out-of-memory"; // a process was ended; the text says which
