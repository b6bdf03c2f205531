import type { AddResource } from "./app.ts";
export const addFaults: AddResource = () => {};
