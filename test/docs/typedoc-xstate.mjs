/**
 * For the API reference: a type of XState's is shown by its name. Spelled out, the type of a machine is several pages of its
 * own configuration, which nobody reads, and whose every field would want a comment.
 */
import { Converter, ReferenceType, ReflectionType } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      const type = 'type' in reflection ? reflection.type : undefined;
      if (!(type instanceof ReferenceType) || type.package !== 'xstate') continue;
      for (const argument of type.typeArguments ?? []) remove(argument, project);
      type.typeArguments = [];
    }
  });
}

/**
 * @param {import('typedoc').SomeType} type
 * @param {import('typedoc').ProjectReflection} project
 */
function remove(type, project) {
  if (type instanceof ReflectionType) project.removeReflection(type.declaration);
  if (type instanceof ReferenceType) for (const inner of type.typeArguments ?? []) remove(inner, project);
}
