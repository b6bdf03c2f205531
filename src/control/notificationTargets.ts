import type { AddResource } from "./app.ts";
export const addNotificationTargets: AddResource = () => {};
