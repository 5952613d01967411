// What the parts of the page are handed: the page's services, and what a mode is for the page.

import type { Engine } from './engine.js';
import type { View } from './link.js';
import type { Playback } from './playback.js';
import type { Sources } from './sources.js';
import type { Stage } from './stage/stage.js';
import type { Translate, Translator } from './translator.js';

/** The services that panels use. */
export interface Services {
  engine: Engine;
  playback: Playback;
  stage: Stage;
  sources: Sources;
  translator: Translator;
  tr: Translate;
}

/** The services that modes use. */
export interface Page extends Services {
  /** The view that the visitor came with, without what the mode adds to it. */
  readonly view: View;
  /** Says that a part of the link cannot be shown, and that the defaults are. */
  refuse(what: string): void;
  /** Sets the words above the stage. */
  caption(title: string, subtitle: string): void;
  /** Draws the shape of the run under the scrubber anew. */
  drawProfile(): Promise<void>;
}

/** One of the ways to use the page. */
export interface Mode {
  /** What stands beside the stage. */
  readonly element: HTMLElement;
  /** What stands below the stage, above the table of the state. */
  readonly below?: HTMLElement[];
  /** Shows what a link asks for. */
  enter(view: View): Promise<void>;
  /** Stops what goes on, before another mode is entered. */
  leave?(): void;
  /** Says what the link to this view has to contain. */
  link(): Partial<View>;
  /** Branches off from the run on the stage at the playhead. */
  fork?(): void;
}
