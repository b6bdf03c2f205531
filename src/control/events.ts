import type { AddResource } from "./app.ts";
export const addEvents: AddResource = () => {};
