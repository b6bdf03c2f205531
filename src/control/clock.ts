import type { AddResource } from "./app.ts";
export const addClock: AddResource = () => {};
