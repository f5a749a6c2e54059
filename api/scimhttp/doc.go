// Package scimhttp lets a directory (an identity provider, an HR system) provision people, units and managers by SCIM 2.0
// (RFC 7643, RFC 7644), under /scim/v2.
//
// A User is a person. Its id is the externalId that it was created with, or the userName if it had none, and stays. A
// person whom no directory spoke of has their id as both. What the directory says, it gets back; what follows of it is:
//
//   - The person's name is displayName, or else name.formatted, or else givenName and familyName. The last two are not where
//     the directory said another name before.
//   - Each e-mail address of the type work, or of none, becomes an mbox identity. One that is no longer said stays linked:
//     what was done under it stays theirs.
//   - department (a unit's id, or a name that only one unit has) and the role make an assignment. The role is the primary
//     value of roles, or else title, or else "member". Another department ends what is in force in the old one now and
//     begins the new one; another role does so within the department. Of a person who has several assignments and whom no
//     directory spoke of, the old ones are those in the unit, or else in the role, that the request names.
//   - active: false ends all assignments now, active: true begins one in the department again. DELETE is active: false
//     for good: to SCIM there is no such User any more, but the person and all history stay; a POST with the same
//     externalId or userName takes the person up again.
//
// A Group is a unit. Its id is the externalId that it was created with, or the displayName, and stays; another externalId that
// is said later is kept and shown beside it. Its members are the active people with an assignment in force in it and, of type
// Group, the units right below it. Who becomes a member begins an assignment now in their role, who leaves has it ended now; to
// add who is not active does nothing.
//
// Only what a request changes is done. What a PUT leaves out is not asserted and stays (RFC 7644, 3.5.1); null takes it
// back. Nothing is ever taken back from the past: every answer about an earlier moment stays as it was.
package scimhttp
