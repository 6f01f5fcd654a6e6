output "group_names" {
  description = "Names of all groups, by the name that they have here."
  value = merge(
    { for key, group in module.control_plane : key => group.name },
    { for key, group in module.workers : key => group.name },
  )
}
