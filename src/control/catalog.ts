import type { AddResource } from "./app.ts";
export const addCatalog: AddResource = () => {};
