/**
 * For the API reference:
 *
 * 1. An XState type is shown by its name. Spelled out, the type of a machine is several pages of configuration, and every
 *    field would need a comment.
 * 2. The category of a symbol is its room: the folder that declares it. A `@category` in its comment comes first.
 */
import { Comment, CommentTag, Converter, ReferenceType, ReflectionType } from 'typedoc';

/** From the place of a declaration to its category; the first that matches. Their order in the reference is in typedoc.json. */
const CATEGORIES = [
  [/src\/(errors|pipeline-error)\.ts$/, 'Errors'],
  [/src\/(ai|limits|spending|stages)\//, 'Stages'],
  [/src\/(sources|sinks|sql|pages|parquet)\/|executor\/(endpoints|files)\.ts$/, 'Sources and sinks'],
  [/src\/executor\/fusion\//, 'Running'],
  [/src\/executor\//, 'Running'],
  [/src\/sessions\//, 'Sessions'],
  [/src\/checkpoint\//, 'Checkpoints and storage'],
  [/src\/(observers|web|react|otel)\//, 'Observing'],
  [/src\/recording\//, 'Recordings'],
  [/src\/testing\/contracts\//, 'Contract suites'],
  [/src\/testing\/(crash|disk)\//, 'Crashes and disks'],
  [/src\/(testing|history)\//, 'Testing'],
  [/src\/platform\/file-system/, 'Checkpoints and storage'],
  [/src\/(platform|formats)\//, 'Platform'],
  [/machines\//, 'Statecharts'],
];

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      const type = 'type' in reflection ? reflection.type : undefined;
      if (!(type instanceof ReferenceType) || type.package !== 'xstate') continue;
      for (const argument of type.typeArguments ?? []) remove(argument, project);
      type.typeArguments = [];
    }
    for (const entry of project.children ?? [])
      for (const declared of entry.children ?? []) categorize(declared);
  });
}

/** @param {import('typedoc').DeclarationReflection} declared */
function categorize(declared) {
  const places = (declared.project.getSymbolIdFromReflection(declared)?.fileName ?? '').replaceAll('\\', '/');
  const category = CATEGORIES.find(([path]) => /** @type {RegExp} */ (path).test(places))?.[1];
  if (category === undefined) throw new Error(`${declared.getFullName()} has no category: ${places}`);
  // Of a function, the comments are those of its signatures.
  for (const documented of declared.signatures ?? [declared]) {
    documented.comment ??= new Comment();
    if (!documented.comment.getTag('@category'))
      documented.comment.blockTags.push(
        new CommentTag('@category', [{ kind: 'text', text: String(category) }]),
      );
  }
}

/**
 * @param {import('typedoc').SomeType} type
 * @param {import('typedoc').ProjectReflection} project
 */
function remove(type, project) {
  if (type instanceof ReflectionType) project.removeReflection(type.declaration);
  if (type instanceof ReferenceType) for (const inner of type.typeArguments ?? []) remove(inner, project);
}
