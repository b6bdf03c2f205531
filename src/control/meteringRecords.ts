import type { AddResource } from "./app.ts";
export const addMeteringRecords: AddResource = () => {};
