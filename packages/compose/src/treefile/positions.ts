/** Places of keys, for messages. */
export { formatKeyPath, tomlLocator, type KeyPath, type Locate } from "@stratos/formats";
