// A component together with what it is given: how a table can hold components that are given different things.

import type { Component } from "svelte";

type Props = Record<string, unknown>;

export type Drawing = { readonly component: Component<Props>; readonly props: Props };

/** What changes while it is shown has to be a getter of `props`. */
export function drawing<Given extends Props>(component: Component<Given>, props: Given): Drawing {
  // The component gets these props and no others, so that forgetting their type is safe.
  return { component: component as unknown as Component<Props>, props };
}
