/** Places of keys, for messages. */
export { formatKeyPath, tomlLocator, type KeyPath, type Locate, type Position } from "@stratos/formats";
