import type { AddResource } from "./app.ts";
export const addEntitlements: AddResource = () => {};
