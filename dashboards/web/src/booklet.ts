// The shared-care booklet of one person, as the node made it, to look at and to print.

import "./booklet.css";
import { Refused, type Session } from "./node";
import { failure } from "./office";
import { element, put } from "./page";
import { say } from "./words";

export interface Booklet {
  show(): Promise<void>;
  end(): void;
}

export function booklet(session: Session, signedOut: () => void): Booklet {
  const patient = element<HTMLInputElement>("booklet-patient");
  const size = element<HTMLSelectElement>("booklet-size");
  const says = element("booklet-says");
  const place = element("booklet-page");
  const print = element<HTMLButtonElement>("booklet-print");
  let asking = 0;

  const clear = (): void => {
    place.replaceChildren();
    print.hidden = true;
  };

  return {
    async show(): Promise<void> {
      const asked = ++asking;
      // Nobody's page stands under another's number.
      clear();
      put(says, say("asking"));
      try {
        const text = await session.booklet(patient.value.trim(), size.value);
        if (asked !== asking) return;
        const made = new DOMParser().parseFromString(text, "text/html").querySelector("article");
        if (made === null) throw new Error("no booklet");
        place.replaceChildren(document.importNode(made, true));
        print.hidden = false;
        put(says, "");
      } catch (error) {
        if (asked !== asking) return;
        if (error instanceof Refused && error.status === 401) return signedOut();
        put(says, error instanceof Refused && error.status === 404 ? say("noSuchPerson") : say(failure(error)));
      }
    },
    end(): void {
      asking += 1;
      clear();
      put(says, "");
    },
  };
}
