/** Choosing an account: any id can be typed; those that are there are offered, page by page. */
import Autosuggest from "@cloudscape-design/components/autosuggest";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get, type Page } from "../api.ts";

export interface AccountView {
  readonly id: string;
  readonly name?: string;
  readonly suspended: boolean;
}

const pageSize = 100;

export function useAccounts() {
  return useInfiniteQuery({
    queryKey: ["accounts", "choice"],
    queryFn: ({ pageParam, signal }) =>
      get<Page<AccountView>>("/accounts", { limit: pageSize, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
}

interface AccountFieldProps {
  readonly value: string;
  readonly onChange: (id: string) => void;
  readonly ariaLabel?: string;
  readonly placeholder?: string;
}

export function AccountField({ value, onChange, ariaLabel, placeholder }: AccountFieldProps): ReactNode {
  const accounts = useAccounts();
  const found = accounts.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Autosuggest
      value={value}
      onChange={({ detail }) => onChange(detail.value.trim())}
      options={found.map(({ id, name }) => ({ value: id, ...(name === undefined ? {} : { description: name }) }))}
      placeholder={placeholder ?? "Account id, 12 digits"}
      enteredTextLabel={(text) => `Use ${text}`}
      statusType={accounts.isFetching ? "loading" : accounts.hasNextPage ? "pending" : "finished"}
      loadingText="Loading accounts"
      finishedText="End of the accounts"
      onLoadItems={({ detail }) => {
        if (!detail.firstPage && accounts.hasNextPage) void accounts.fetchNextPage();
      }}
      empty="There are no accounts yet; type an id"
      {...(ariaLabel === undefined ? {} : { ariaLabel })}
    />
  );
}
