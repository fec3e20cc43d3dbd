// Whose a key is: a shortcut's, a field's, or an input method's.

/**
 * Whether an input method has the key. Key code 229 is what it gives while it composes: in a field nothing else may act
 * then; elsewhere letters have their own code still, and only keys that end a composition are left to it.
 */
export function isComposing(event: KeyboardEvent): boolean {
  if (event.isComposing) return true;
  if (event.keyCode !== 229) return false;
  return isTyping(event.target) || !/^Key[A-Z]$/.test(event.code);
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
